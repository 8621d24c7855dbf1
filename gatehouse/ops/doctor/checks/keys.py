"""Key ring, its root and its mirror: losing one loses every conversation, backing one up keeps them all.

Ring and mirror are opened on private copies, so that looking moves nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from gatehouse.errors import GatehouseError, IntegrityError
from gatehouse.keys import RingStatus
from gatehouse.keys.homes import RING_FILE
from gatehouse.keys.opening import look_at_ring
from gatehouse.keys.restoring import copy_state
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject

_MOVING_ON = 600.0  # seconds that a root may be there beside the next one
_SMALL = 65536  # bytes of a file that may be a copy of a root
_TRIES = 3  # a copy may be taken while the ring or its mirror moves on


def look(subject: Subject) -> Iterator[Finding]:
    try:
        status = _status(subject)
    except GatehouseError as error:
        altered = isinstance(error, IntegrityError)
        yield bad(
            "keys.closed", error.message.splitlines()[0], _opening(subject, error), altered=altered
        )
        return
    what = f"the ring opens: {status.root} root, generation {status.generation}"
    yield good("keys.open", f"{what}, {status.keys} keys")
    yield from _mirror(subject, status)
    if subject.settings.keys.root == "file":
        yield from _roots(subject)


def _status(subject: Subject) -> RingStatus:
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            status = look_at_ring(subject.settings, subject.clock)
        except IntegrityError:
            if last:
                raise
            continue
        if last or status.mirror is None or status.mirror.in_step:
            return status
    raise AssertionError("unreachable")


def _opening(subject: Subject, error: GatehouseError) -> str:
    """What opens the ring again."""
    directory = subject.settings.path(subject.settings.keys.directory)
    if not directory.exists():
        return "gatehouse init"
    gone = not (directory / RING_FILE).exists() and subject.settings.keys.home == "file"
    if isinstance(error, IntegrityError) or gone:
        return "gatehouse keys restore"
    # A root that is missing is nowhere else: only who moved it can put it back.
    return next(iter(error.hints), "gatehouse keys check")


def _mirror(subject: Subject, status: RingStatus) -> Iterator[Finding]:
    mirror = status.mirror
    if mirror is None:
        if subject.settings.keys.home == "file":
            mend = setting("keys.mirror", '"/directory/on/another/volume"')
            yield advice("keys.no_mirror", "the ring has no second copy", mend)
        return
    if not mirror.in_step:
        put_back = mirror.error is not None and "older than its mirror" in mirror.error
        if put_back:
            mend = "gatehouse keys restore"
        elif mirror.synced_at is None and "there is no mirror" in (mirror.error or ""):
            mend = "gatehouse keys mirror --new"
        elif "damaged" in (mirror.error or ""):
            yield _damaged_mirror(subject, str(mirror.error))
            return
        else:
            mend = "gatehouse keys mirror"
        yield bad("keys.mirror_behind", f"the mirror: {mirror.error}", mend, altered=put_back)
        return
    if (trouble := _trouble_of_mirror(subject)) is not None:
        yield _damaged_mirror(subject, f"the mirror: {trouble}")
        return
    if mirror.same_volume:
        mend = setting("keys.mirror", '"/directory/on/another/volume"')
        yield advice("keys.mirror_near", "the mirror is on the volume of the ring", mend)
        return
    yield good("keys.mirror", "the mirror is in step, on another volume")


def _damaged_mirror(subject: Subject, what: str) -> Finding:
    shown = shlex.quote(str(subject.settings.path(subject.settings.keys.mirror) / RING_FILE))
    mend = f"mv {shown} {shown}.damaged && gatehouse keys mirror --new"
    return bad("keys.mirror_damaged", what, mend, altered=True)


def _trouble_of_mirror(subject: Subject) -> str | None:
    """Why a mirror that is in step would not bring the ring back, None when all of it opens."""
    place = subject.settings.path(subject.settings.keys.mirror)
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            copy_state(subject.settings, subject.clock, place)
        except GatehouseError as error:
            if last:
                return error.message.splitlines()[0]
            continue
        return None
    raise AssertionError("unreachable")


def _roots(subject: Subject) -> Iterator[Finding]:
    """A root beside the present one, or a copy of it, outlives the next removal, and with it what was
    removed."""
    directory = subject.settings.path(subject.settings.keys.directory)
    before = subject.clock.now() - _MOVING_ON
    roots = {path: path.read_bytes() for path in directory.glob("root-*.key")}
    old = [path for path in roots if path.stat().st_ctime < before]
    if len(roots) > 1 and old:
        what = f"{len(roots)} key roots lie in {subject.shown(directory)}, where one belongs"
        yield bad("keys.roots", what, "gatehouse keys check")
    for path in directory.iterdir():
        if path in roots or not path.is_file() or path.stat().st_size > _SMALL:
            continue
        if any(root and root in path.read_bytes() for root in roots.values()):
            shown = subject.shown(path)
            yield bad("keys.copied", f"{shown} is a copy of the root", f"shred -u {shown}")

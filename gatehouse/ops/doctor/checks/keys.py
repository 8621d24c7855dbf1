"""Key ring, its root and its mirror: losing one loses every conversation, backing one up keeps them all.

The ring is opened on a private copy, so that looking moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from gatehouse.errors import GatehouseError, IntegrityError
from gatehouse.keys import RingStatus
from gatehouse.keys.opening import look_at_ring
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject

_TRIES = 3  # a copy may be taken while the ring or its mirror moves on


def look(subject: Subject) -> Iterator[Finding]:
    try:
        status = _status(subject)
    except GatehouseError as error:
        altered = isinstance(error, IntegrityError)
        mend = "gatehouse keys restore" if altered else "gatehouse keys check"
        if not subject.settings.path(subject.settings.keys.directory).exists():
            mend = "gatehouse init"
        yield bad("keys.closed", error.message.splitlines()[0], mend, altered=altered)
        return
    what = f"the ring opens: {status.root} root, generation {status.generation}"
    yield good("keys.open", f"{what}, {status.keys} keys")
    yield from _mirror(subject, status)


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
        else:
            mend = "gatehouse keys mirror"
        yield bad("keys.mirror_behind", f"the mirror: {mirror.error}", mend, altered=put_back)
        return
    if mirror.same_volume:
        mend = setting("keys.mirror", '"/directory/on/another/volume"')
        yield advice("keys.mirror_near", "the mirror is on the volume of the ring", mend)
        return
    yield good("keys.mirror", "the mirror is in step, on another volume")

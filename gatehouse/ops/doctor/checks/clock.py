"""Whether the machine's clock is held to a reference: expiry, codes and the log rest on it.

Asked of the kernel, and where that is silent of systemd; never over the network. What neither says
is unknown, not good.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from gatehouse.audit.clocksync import SYNCHRONISED, UNKNOWN, UNSYNCHRONISED, read_state
from gatehouse.ops.doctor.finding import Finding, bad, good, unknown
from gatehouse.ops.doctor.subject import Subject, sqlite_path

_BEHIND = 60.0  # seconds that a clock may be before what was written
_MEND = "timedatectl set-ntp true"


def look(subject: Subject) -> Iterator[Finding]:
    state = read_state()
    if state == UNKNOWN:
        state = _systemd()
    if state == SYNCHRONISED:
        yield good("clock.synchronised", "the clock is synchronised")
    elif state == UNSYNCHRONISED:
        yield bad("clock.unsynchronised", "nothing holds the clock to a reference", _MEND)
    else:
        yield unknown("clock.unknown", "neither kernel nor systemd say whether it is", _MEND)
    written = max((path.stat().st_mtime for path in _written(subject)), default=0.0)
    if subject.clock.now() < written - _BEHIND:
        what = "the clock is before the time at which the databases were written"
        yield bad("clock.behind", what, _MEND)


def _systemd() -> str:
    command = shutil.which("timedatectl")
    if command is None:
        return UNKNOWN
    try:
        said = subprocess.run(
            [command, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return {"yes": SYNCHRONISED, "no": UNSYNCHRONISED}.get(said, UNKNOWN)


def _written(subject: Subject) -> Iterator[Path]:
    for url in subject.databases().values():
        path = sqlite_path(url)
        if path is not None and path.exists():
            yield path

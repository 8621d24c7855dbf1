"""What a serving process says about its policies, for the commands that look from outside.

A plain file, so that `gatehouse policy check` needs neither database nor keys. It informs and never
decides: nothing may be allowed because of it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from gatehouse.policy.domain import Domain
from gatehouse.policy.guards import Verdict

DIRECTORY = "var/policy"
"""Where a deployment keeps what is in force, below its home."""

NAME = "status.json"


@dataclass(frozen=True, slots=True)
class Status:
    """The revision in force, that of the files, and the domain that the process was started with.

    `waits` is what an edit does that waits for a second person; `mistakes` how many the files have.
    `at` is in seconds since the epoch.
    """

    in_force: str
    offered: str
    waits: Verdict | str
    mistakes: int
    at: float
    intents: tuple[str, ...]
    responses: tuple[str, ...]
    slots: tuple[str, ...] | None
    spoken_slots: tuple[str, ...]

    @property
    def domain(self) -> Domain:
        """What the process knew of the assistant when it started."""
        return Domain(
            frozenset(self.intents),
            frozenset(self.responses),
            None if self.slots is None else frozenset(self.slots),
            None,
            frozenset(self.spoken_slots),
        )


def status_of(
    domain: Domain, in_force: str, offered: str, waits: str, mistakes: int, at: float
) -> Status:
    """The status of a process that knows `domain`."""
    return Status(
        in_force,
        offered,
        waits,
        mistakes,
        at,
        tuple(sorted(domain.intents)),
        tuple(sorted(domain.responses)),
        None if domain.slots is None else tuple(sorted(domain.slots)),
        tuple(sorted(domain.spoken_slots)),
    )


def write_status(directory: Path, status: Status) -> None:
    """Replace the file. A disk that is full must not stop a policy, so failure is harmless."""
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = directory / f".{NAME}"
        new.write_text(json.dumps(asdict(status)), encoding="utf-8")
        new.chmod(0o600)
        os.replace(new, directory / NAME)


def read_status(directory: Path) -> Status | None:
    """What the last serving process wrote; None when there is nothing to be read."""
    try:
        found = json.loads((directory / NAME).read_text(encoding="utf-8"))
        lists = {
            name: value if value is None else tuple(value)
            for name, value in found.items()
            if name in ("intents", "responses", "slots", "spoken_slots")
        }
        return Status(**{**found, **lists})
    except (OSError, ValueError, TypeError, AttributeError):
        return None

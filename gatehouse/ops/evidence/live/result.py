"""What a look brings back, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gatehouse.ops.evidence.outcomes import Outcomes
from gatehouse.runtime import Runtime


class Absent(Exception):
    """There is nothing to collect; the message says why, in words for an auditor."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A deployment and the files of results that were named for it.

    Without a file the looks use the places where the commands leave theirs. `outcomes` are those of
    the tests, `outcomes_absent` why there are none.
    """

    runtime: Runtime
    outcomes: Outcomes = field(default_factory=Outcomes)
    outcomes_absent: str = ""
    selftest: Path | None = None
    audit: Path | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """One result.

    `good` is None for facts that are neither good nor bad. `why` says why it was not collected, what
    is wrong, or what is weak about something good. `parts` are outcomes by name (see `outcomes`), for what has many; `files` are
    attached to the bundle under their names.
    """

    name: str = ""
    about: str = ""
    collected: bool = True
    good: bool | None = None
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def named(self, name: str, about: str) -> Live:
        return replace(self, name=name, about=about)

    @property
    def state(self) -> str:
        """In one word or two: not available, good, remarks, bad, collected."""
        if not self.collected:
            return "not available"
        if self.good and self.why:
            return "remarks"
        return {True: "good", False: "bad", None: "collected"}[self.good]

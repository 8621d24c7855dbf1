"""What the doctor says: one finding per thing looked at, and all of them as one report.

A finding never holds a secret, a person's name or the text of somebody else's exception, because the
report goes into evidence and mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from gatehouse.clock import as_iso

Level = Literal["good", "advice", "unknown", "bad"]
LEVELS: Final[tuple[Level, ...]] = ("bad", "unknown", "advice", "good")
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    `bad` must be mended, `advice` should be looked at, `unknown` could not be looked at. `mend` is
    one command, or a line for gatehouse.toml; "" for what is good. `altered` marks data that is not
    what was written.
    """

    id: str
    level: Level
    what: str
    mend: str = ""
    check: str = ""
    altered: bool = False


def good(id: str, what: str) -> Finding:
    return Finding(id, "good", what)


def advice(id: str, what: str, mend: str) -> Finding:
    return Finding(id, "advice", what, mend)


def unknown(id: str, what: str, mend: str = "") -> Finding:
    return Finding(id, "unknown", what, mend)


def bad(id: str, what: str, mend: str, *, altered: bool = False) -> Finding:
    return Finding(id, "bad", what, mend, altered=altered)


def setting(key: str, value: str) -> str:
    """The line of gatehouse.toml that mends something: `key` is `section.name`."""
    section, _, name = key.partition(".")
    return f"in gatehouse.toml: [{section}] {name} = {value}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, of one moment (epoch seconds)."""

    made_at: float
    profile: str
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        return sum(finding.level == level for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 nothing bad, 4 something bad, 5 something is not what was written, 6 something could
        not be looked at."""
        if any(finding.altered for finding in self.findings):
            return 5
        if self.count("bad"):
            return 4
        return 6 if self.count("unknown") else 0

    def as_json(self) -> dict[str, Any]:
        """The stable shape of `gatehouse doctor --json`."""
        return {
            "version": VERSION,
            "made": as_iso(self.made_at),
            "profile": self.profile,
            "summary": {level: self.count(level) for level in LEVELS},
            "findings": [
                {"check": f.check, "id": f.id, "level": f.level, "what": f.what, "mend": f.mend}
                for f in self.findings
            ],
        }


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))

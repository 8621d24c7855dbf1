"""What an attack is, and what comes of it.

An attack makes checks; each says what would have been wrong. Passing takes at least one check, so
that an attack which looked at nothing is "not run" and never "passed".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from gatehouse.ops.selftest.trial import Trial

Severity = Literal["critical", "high", "medium", "low"]
Outcome = Literal["passed", "failed", "not_run"]
Needs = Literal["nothing", "account", "code"]
Stride = Literal["S", "T", "R", "I", "D", "E"]

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
STRIDE: dict[Stride, str] = {
    "S": "spoofing",
    "T": "tampering",
    "R": "repudiation",
    "I": "information disclosure",
    "D": "denial of service",
    "E": "elevation of privilege",
}


class NotRun(Exception):
    """The attack could not be made; the text says why, for the report."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    `id` never changes once released: reports, suppressions and the evidence map refer to it. `asvs`
    are requirement ids of OWASP ASVS 5.0. `needs` is what it cannot do without: nothing, a test
    account, or also the codes of that account's authenticator. `order` is when it comes: 0 first;
    what provokes throttles comes last, or it would hinder the others. `destructive` marks what
    other people would notice.
    """

    id: str
    title: str
    stride: tuple[Stride, ...]
    asvs: tuple[str, ...]
    severity: Severity
    expects: str
    mend: str
    attempt: Callable[[Trial], None]
    needs: Needs = "nothing"
    order: int = 0
    destructive: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attack; `details` are the findings, or why it was not run."""

    attack: Attack
    outcome: Outcome
    details: tuple[str, ...] = ()
    checks: int = 0
    requests: int = 0
    seconds: float = 0.0


class Checks:
    """Counts what was checked and keeps what was found."""

    MOST_KEPT = 12

    def __init__(self) -> None:
        self.made = 0
        self.found: list[str] = []

    def hold(self, held: bool, otherwise: str) -> bool:
        """Count one check; `otherwise` is the finding when it did not hold. Returns `held`."""
        self.made += 1
        if not held and otherwise not in self.found and len(self.found) < self.MOST_KEPT:
            self.found.append(otherwise)
        return held


def cannot(why: str) -> NoReturn:
    """Leave the attack: it could not be made."""
    raise NotRun(why)

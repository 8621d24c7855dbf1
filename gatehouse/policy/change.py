"""What became of the policy files at one look; for the audit log and the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.policy.errors import Problem
from gatehouse.policy.four_eyes import Approval


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """How the policies stand now; times in epoch seconds.

    `since` is when `revision` was put in force here. `refused_at` is when files were offered that
    have mistakes, None while they have none; `pending_at` when an edit began to wait for a second
    person.
    """

    revision: str
    since: float
    refused_at: float | None
    pending_at: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at the directory led to.

    `revision` is the one in force afterwards, `offered` that of the files, `previous` the one in
    force before (None at the start), `at` seconds since the epoch. `problems` are the mistakes of
    rejected files, or the warnings of accepted ones. `restored` means that the files are not in force
    and the policies of an earlier run are. `waits` is what an edit does (`widens`, `mixed`) that
    waits for a second person; `approval` says who stands for one that was accepted. `unguarded`
    counts the questions that the policy tests do not close any more.
    """

    accepted: bool
    revision: str
    offered: str
    previous: str | None
    at: float
    problems: tuple[Problem, ...] = ()
    restored: bool = False
    waits: str = ""
    approval: Approval | None = None
    unguarded: int = 0

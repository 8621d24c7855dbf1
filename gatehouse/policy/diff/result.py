"""What a comparison found: the requests that are answered differently, and what that amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gatehouse.policy.diff.search import request_of
from gatehouse.policy.diff.space import Space
from gatehouse.policy.diff.strictness import Answer, Direction, direction, together
from gatehouse.policy.guards import Lost, Verdict, with_tests
from gatehouse.policy.model import Request


@dataclass(frozen=True, eq=False)
class Change:
    """Requests for one intent that are all answered alike before, and alike after.

    `classes` names the facts that matter and the classes they must be in (see `Space`);
    `runner_up` is the intent that the message may as well mean, or empty.
    """

    space: Space
    classes: Mapping[str, frozenset[int]]
    before: Answer
    after: Answer

    @property
    def intent(self) -> str:
        """The intent that is asked for."""
        return self.space.intent

    @property
    def stage(self) -> str:
        """Whether it is the decision on the intent alone or the one with the record."""
        return self.space.stage

    @property
    def runner_up(self) -> str:
        """The more protected intent that the message may as well mean; empty: none."""
        return self.space.runner_up

    @property
    def direction(self) -> Direction:
        """Whether these requests get more or less."""
        return direction(self.before, self.after)

    @cached_property
    def example(self) -> Request:
        """One of the requests, as ordinary as possible."""
        first = {name: min(classes) for name, classes in self.classes.items()}
        found = request_of(self.space, first)
        assert found is not None, "a change was found by asking one of its requests"
        return found


@dataclass(frozen=True, slots=True)
class Kept:
    """Another retention for what was said about `intent`, in seconds; None: as everything else."""

    intent: str
    before: int | None
    after: int | None

    @property
    def direction(self) -> Direction:
        """Keeping longer widens: more people can come to see it."""
        if self.before is not None and self.after is not None:
            return "widens" if self.after > self.before else "narrows"
        return "widens" if self.after is None else "narrows"

    def as_dict(self) -> dict[str, Any]:
        """The change for `--json`."""
        return {
            "intent": self.intent,
            "verdict": self.direction,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """All changes between two revisions.

    `changes` concern clear messages and those with one close runner-up. A message with several
    close runners-up is answered differently only if it is with one of them alone, or with none.
    `cases` is how many questions were looked at. `lost` is what the policy tests give up. `accounts`
    are roles with those that come with them, before and after: what the matrix shows changes with it.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    retention: tuple[Kept, ...]
    cases: int
    lost: tuple[Lost, ...] = ()
    accounts: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What the edit amounts to: same, words, narrows, loosens, widens or mixed."""
        return with_tests(self._decisions, self.lost)

    @property
    def _decisions(self) -> Direction:
        found: set[Direction] = {change.direction for change in self.changes}
        if self.accounts:
            found.add("words")
        return together(found | {kept.direction for kept in self.retention})

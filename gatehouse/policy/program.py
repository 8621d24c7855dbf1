"""The rules of one intent, arranged so that a decision costs the same however many there are.

Rules are bits of a number. Per fact it is remembered which conditions a value fails: values between the
same two cuts (`cuts.py`) give the same answers, so the conditions themselves are asked once for each
such cell and never again. A decision then is a look-up per fact. What has no cuts, or a value that
nobody foresaw, is asked each time; nothing here may answer instead of a condition.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from gatehouse.policy.cuts import Between, Includes, WallClock
from gatehouse.policy.model import Request
from gatehouse.policy.rules import Rule
from gatehouse.policy.times import zone_of
from gatehouse.policy.verdicts import MISSING, NO, PENDING, Clause

MOST_CELLS: Final = 20_000
LONGEST: Final = 64
_NUMBERS: Final = frozenset(
    {"aal", "aal_age", "session_age", "confidence", "margin", "refusals", "failed_codes"}
)

Masks = tuple[int, int, int]
"""Rules with a condition that fails, whose fact is missing, whose fact comes later."""

Cell = Callable[[Request, str | None], Any]


class Program:
    """The rules of an intent, the most specific first."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._all = (1 << len(rules)) - 1
        self._everybody = _mask(rules, lambda rule: rule.roles is None)
        self._of_role: dict[str, int] = {}
        self._except: dict[str, int] = {}
        for number, rule in enumerate(rules):
            for role in rule.roles or ():
                self._of_role[role] = self._of_role.get(role, 0) | 1 << number
            for role in rule.except_roles:
                self._except[role] = self._except.get(role, 0) | 1 << number
        self.denies = _mask(rules, lambda rule: rule.effect == "deny")
        self.allows = _mask(rules, lambda rule: rule.effect == "allow")
        self.factors = _mask(rules, lambda rule: rule.step_up is not None)
        self._facts = _facts(rules)

    def select(self, request: Request, subject: str | None) -> Masks:
        """The rules about this person that nothing speaks against, and of these (as bits) those with a
        missing and those with a later fact."""
        about = self._everybody
        excepted = 0
        for role in request.principal.roles:
            about |= self._of_role.get(role, 0)
            excepted |= self._except.get(role, 0)
        about &= ~excepted
        missing = pending = 0
        for fact in self._facts:
            fails, unknown, later = fact.masks(request, subject)
            about &= ~fails
            if not about:
                return 0, 0, 0
            missing |= unknown
            pending |= later
        return about, missing & about, pending & about

    def each(self, mask: int) -> Iterator[Rule]:
        """The rules of `mask`, the most specific first."""
        while mask:
            low = mask & -mask
            yield self.rules[low.bit_length() - 1]
            mask ^= low


class _Fact:
    """The conditions of all rules about one fact, each once, with the rules that have it."""

    def __init__(self, clauses: dict[Clause, int], cell: Cell | None) -> None:
        self._clauses = tuple(clauses.items())
        self._cell = cell
        self._known: dict[Any, Masks] = {}

    def masks(self, request: Request, subject: str | None) -> Masks:
        key = None if self._cell is None else self._cell(request, subject)
        if key is None:
            return self._ask(request, subject)
        found = self._known.get(key)
        if found is None:
            found = self._ask(request, subject)
            if len(self._known) < MOST_CELLS:
                self._known[key] = found
        return found

    def _ask(self, request: Request, subject: str | None) -> Masks:
        fails = missing = pending = 0
        for clause, rules in self._clauses:
            answer = clause.test(request, subject)
            if answer == NO:
                fails |= rules
            elif answer == MISSING:
                missing |= rules
            elif answer == PENDING:
                pending |= rules
        return fails, missing, pending


def _mask(rules: tuple[Rule, ...], test: Callable[[Rule], bool]) -> int:
    return sum(1 << number for number, rule in enumerate(rules) if test(rule))


def _facts(rules: tuple[Rule, ...]) -> tuple[_Fact, ...]:
    """The conditions by fact. Two that read alike in every part are one condition."""
    same: dict[tuple[object, ...], Clause] = {}
    found: dict[tuple[object, ...], dict[Clause, int]] = {}
    for number, rule in enumerate(rules):
        for clause in rule.clauses:
            alike = clause.fact, clause.words, type(clause.cuts), repr(clause.cuts)
            one = same.setdefault(alike, clause)
            rules_of = found.setdefault(_group(one), {})
            rules_of[one] = rules_of.get(one, 0) | 1 << number
    return tuple(_Fact(clauses, _cell_of(clauses)) for clauses in found.values())


def _group(clause: Clause) -> tuple[object, ...]:
    """Conditions that share their cells: hours, weekdays and days are apart, so that few cells do."""
    cuts = clause.cuts
    if isinstance(cuts, WallClock):
        return clause.fact, cuts.zone, bool(cuts.minutes), bool(cuts.days)
    return clause.fact, type(cuts)


def _cell_of(clauses: dict[Clause, int]) -> Cell | None:
    """What makes two values of the fact alike, None to ask each time."""
    first, *_ = clauses
    name, cuts = first.fact, [clause.cuts for clause in clauses]
    if name == "subject":
        return lambda request, subject: _word(subject)
    if name in ("department", "employment_type"):
        return lambda request, subject: _word(getattr(request.principal, name))
    if name in ("channel", "network_zone"):
        return lambda request, subject: _word(getattr(request, name))
    if name in _NUMBERS:
        return _number(name, [cut for cut in cuts if isinstance(cut, Between)])
    if name == "served":
        names = frozenset[str]().union(*(cut.names for cut in cuts if isinstance(cut, Includes)))
        return lambda request, subject: _names(request.served, names)
    if isinstance(first.cuts, WallClock):
        return _time(first.cuts.zone, [cut for cut in cuts if isinstance(cut, WallClock)])
    return None


def _word(value: object) -> str | None:
    """A word as it is; whatever else is asked about each time."""
    return value if isinstance(value, str) and len(value) <= LONGEST else None


def _names(value: object, names: frozenset[str]) -> frozenset[str] | None:
    return value & names if isinstance(value, frozenset) else None


def _number(name: str, cuts: list[Between]) -> Cell:
    points = sorted({point for cut in cuts for point in (cut.low, cut.high)})

    def cell(request: Request, subject: str | None) -> tuple[int, int] | None:
        value = getattr(request, name)
        if type(value) not in (int, float) or not 0 <= value < float("inf"):
            return None
        # On a cut the two differ, between two cuts they are the same: both ends count.
        return bisect_left(points, value), bisect_right(points, value)

    return cell


def _time(zone_name: str, cuts: list[WallClock]) -> Cell:
    zone = zone_of(zone_name)
    minutes = sorted({minute for cut in cuts for minute in cut.minutes})
    days = sorted({day for cut in cuts for day in cut.days})

    def cell(request: Request, subject: str | None) -> tuple[int, int, int] | None:
        at = request.at
        if not isinstance(at, datetime) or at.tzinfo is None:
            return None
        local = at.astimezone(zone)
        return (
            -1 if minutes or days else local.weekday(),
            bisect_right(minutes, local.hour * 60 + local.minute) if minutes else 0,
            bisect_right(days, local.date()) if days else 0,
        )

    return cell

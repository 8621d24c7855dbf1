"""Runs attacks one after another and says honestly what came of each.

A failure of the self-test itself or of the network is "not run" with its reason. When the target does
not answer any more, or whoever started the run ends it, the rest is not run either, and the report of
what was done says so: an interrupted run loses nothing that it found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gatehouse.clock import Clock, SystemClock
from gatehouse.ops.selftest.attack import Attack, NotRun, Outcome, Result
from gatehouse.ops.selftest.site import Site
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable

LOST_AFTER = 3  # attacks in a row that could not reach the target
INTERRUPTED = "the run was interrupted"

Watcher = Callable[[Attack, Result | None], None]


@dataclass(frozen=True, slots=True)
class Report:
    """A run; `made` is its start in seconds since the epoch. One that was `interrupted` has a result for
    every attack all the same: those that were not finished are not run."""

    target: str
    made: float
    seconds: float
    account: str
    destructive: bool
    results: tuple[Result, ...]
    interrupted: bool = False

    def having(self, outcome: str) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome == outcome)

    def left(self) -> dict[str, tuple[Result, ...]]:
        """What was not run, by the reason."""
        reasons: dict[str, tuple[Result, ...]] = {}
        for result in self.having("not_run"):
            why = "; ".join(result.details)
            reasons[why] = (*reasons.get(why, ()), result)
        return reasons

    @property
    def requests(self) -> int:
        return sum(result.requests for result in self.results)


def run(
    site: Site,
    attacks: Iterable[Attack],
    *,
    destructive: bool = False,
    watch: Watcher = lambda attack, result: None,
    clock: Clock | None = None,
) -> Report:
    """Make `attacks` on `site`; `watch` is told when one begins (None) and what came of it."""
    made, began = (clock or SystemClock()).now(), time.monotonic()
    wanted = tuple(attacks)
    results: list[Result] = []
    lost, interrupted = 0, False
    try:
        for attack in wanted:
            watch(attack, None)
            if lost >= LOST_AFTER:
                result = Result(attack, "not_run", ("the target does not answer any more",))
            else:
                result, reached, interrupted = _made(site, attack, destructive)
                lost = 0 if reached else lost + 1
            results.append(result)
            watch(attack, result)
            if interrupted:
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if lost < LOST_AFTER:
            interrupted = _closed(site) or interrupted
    results += [Result(attack, "not_run", (INTERRUPTED,)) for attack in wanted[len(results) :]]
    return Report(
        target=site.target.origin,
        made=made,
        seconds=time.monotonic() - began,
        account=site.account.username if site.account else "",
        destructive=destructive,
        results=tuple(results),
        interrupted=interrupted,
    )


def _closed(site: Site) -> bool:
    """Sign out; whether that was interrupted."""
    try:
        site.close()
    except KeyboardInterrupt:
        return True
    return False


def _made(site: Site, attack: Attack, destructive: bool) -> tuple[Result, bool, bool]:
    """The result, whether the target was reached, and whether the run was interrupted."""
    why = _why_not(site, attack, destructive)
    if why:
        return Result(attack, "not_run", (why,)), True, False
    trial, before, began, reached = Trial(site), site.requests, time.monotonic(), True
    interrupted = False
    try:
        attack.attempt(trial)
        site.send("GET", "/healthz")  # a connection that fails is a refusal only of what is alive
        why = "" if trial.checks else "there was nothing to check"
    except NotRun as left:
        why = str(left)
    except Unreachable as error:
        why, reached = f"the target did not answer: {error}", False
    except KeyboardInterrupt:
        why, interrupted = INTERRUPTED, True
    except Exception as error:  # noqa: BLE001 - one broken attack must not end the run or pass
        why = f"the self-test itself failed: {type(error).__name__}"
    outcome: Outcome = "failed" if trial.found else "not_run" if why else "passed"
    details = trial.found if trial.found or not why else (why,)
    result = Result(
        attack,
        outcome,
        details,
        trial.checks,
        requests=site.requests - before,
        seconds=time.monotonic() - began,
    )
    return result, reached, interrupted


def _why_not(site: Site, attack: Attack, destructive: bool) -> str:
    if attack.destructive and not destructive:
        return "other people would notice it; --destructive allows it"
    if attack.needs != "nothing" and site.account is None:
        return "needs a test account (--account)"
    if attack.needs == "code" and not (site.account and site.account.secret):
        return "needs the codes of the test account (--totp-file)"
    return ""

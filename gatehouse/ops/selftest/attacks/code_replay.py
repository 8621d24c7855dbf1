"""A code that was good once, given again: for the next request, and in another session."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Reply
from gatehouse.ops.selftest.steps import asked, passed
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    site, first, second = trial.site, trial.fresh(), trial.fresh()
    challenge, code, _ = passed(site, first)
    again = first.give(challenge, code)
    trial.hold(not Reply(again).accepted, "a request is confirmed twice with one code")
    next_answer = first.give(asked(site, first), code)
    trial.hold(not Reply(next_answer).accepted, "a used code confirms the next request")
    elsewhere = second.give(asked(site, second), code)
    trial.hold(not Reply(elsewhere).accepted, "a used code works in another session")


ATTACK = Attack(
    id="code-replay",
    title="Give a one-time code a second time",
    stride=("S", "E"),
    asvs=("V6.5.1",),
    severity="high",
    expects="Refused everywhere.",
    mend="Remember the last time step that was used and take only later ones, atomically.",
    attempt=attempt,
    needs="code",
    order=20,
)

"""One message that is sent many times at the same moment."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.steps import at_once
from gatehouse.ops.selftest.trial import Trial

TOGETHER = 8


def attempt(trial: Trial) -> None:
    browser, message_id = trial.fresh(), new_id()
    answers = at_once(TOGETHER, lambda _: browser.message("hello", message_id))
    for answer in answers:
        trial.refused(answer, "one of several equal messages at once", 200, 409)
    turns = browser.said().count("hello")
    trial.hold(turns == 1, f"the same message {TOGETHER} times at once makes {turns} turns")


ATTACK = Attack(
    id="message-race",
    title="Send one message many times at the same moment",
    stride=("T",),
    asvs=("V2.3.4", "V15.4.2"),
    severity="medium",
    expects="One turn.",
    mend="Remember the message before its turn begins, not after.",
    attempt=attempt,
    needs="account",
)

"""The same message again, in a row and at the same time."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    browser, message_id = trial.fresh(), new_id()
    first = browser.message("hello", message_id)
    trial.refused(first, "a first message", 200)
    again = browser.message("hello", message_id)
    trial.refused(again, "the same message again", 200, 409)
    if again.status == 200:
        same = (first.json or {}).get("messages") == (again.json or {}).get("messages")
        trial.hold(same, "the same message again gets another answer")
    trial.hold(browser.said().count("hello") == 1, "the same message again makes a second turn")
    other = browser.message("goodbye", message_id)
    trial.refused(other, "other words under the id of a message that was sent", 409)


ATTACK = Attack(
    id="message-replay",
    title="Send a message a second time, and other words under its id",
    stride=("T",),
    asvs=("V2.3.4",),
    severity="medium",
    expects="The same answer and no second turn; other words are refused (409).",
    mend="Keep the answer of each message id for as long as it may be repeated.",
    attempt=attempt,
    needs="account",
)

"""Characters that hide or turn text round: what is shown is not what was said."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

HIDDEN = {
    "a bidi override": "\u202e",
    "a bidi isolate": "\u2066",
    "a right-to-left mark": "\u200f",
    "a zero-width space": "\u200b",
    "a word joiner": "\u2060",
    "a tag character": "\U000e0041",
    "a control character": "\x07",
    "an escape": "\x1b",
    "a private character": "\ue000",
}


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    text = "hello " + "x".join(HIDDEN.values()) + " goodbye"
    reply = browser.say(text)
    said = browser.said()
    trial.hold(bool(said), "the message is not in the history")
    for name, sign in HIDDEN.items():
        trial.hold(sign not in reply.text, f"{name} is in the answer")
        trial.hold(all(sign not in one for one in said), f"{name} is in the history")


ATTACK = Attack(
    id="invisible-text",
    title="Write invisible, direction-changing and control characters",
    stride=("T", "R"),
    asvs=("V1.1.1", "V2.2.1"),
    severity="medium",
    expects="They are taken out before the text goes anywhere.",
    mend="Drop format, control, private and unassigned characters from texts.",
    attempt=attempt,
    needs="account",
)

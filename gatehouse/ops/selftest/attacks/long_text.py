"""A message that is longer than the language understanding should be given."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

LONGEST = 10_000  # the most that the settings allow


def attempt(trial: Trial) -> None:
    person = trial.person
    answer = person.message("a" * (LONGEST + 1))
    trial.refused(answer, f"a message of {LONGEST + 1} characters", 400)
    answer = person.message("e\u0301" * (LONGEST + 1) + "a")
    trial.refused(answer, "the same in characters that are two signs each", 400, 413)
    for what, text in {"nothing": "", "spaces": " \t\n ", "nothing visible": "\u200b"}.items():
        trial.refused(person.message(text), f"a message of {what}", 400)


ATTACK = Attack(
    id="long-text",
    title="Send messages that are too long, or that hold nothing",
    stride=("D",),
    asvs=("V2.2.1", "V15.2.2"),
    severity="low",
    expects="Refused (400).",
    mend="Bound the length after normalisation (limits.text).",
    attempt=attempt,
    needs="account",
)

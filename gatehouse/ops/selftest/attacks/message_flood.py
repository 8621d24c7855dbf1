"""More messages than a person writes. They are numbers that nothing waits for, so they cost little."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

MOST = 60


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    limited = None
    for number in range(MOST):
        answer = browser.message(f"{700_000 + number}", patient=False)
        if answer.status == 429:
            limited = answer
            break
        trial.refused(answer, "a message", 200)
    if trial.hold(limited is not None, f"{MOST} messages in some seconds are all taken"):
        waits = limited is not None and limited.header("retry-after").isdigit()
        trial.hold(waits, "a throttled message does not say how long to wait")


ATTACK = Attack(
    id="message-flood",
    title="Send more messages than a person writes",
    stride=("D",),
    asvs=("V2.4.1",),
    severity="medium",
    expects=f"A wait (429) before {MOST} messages in a row.",
    mend="Set limits.messages_per_minute to what people need.",
    attempt=attempt,
    needs="account",
    order=70,
)

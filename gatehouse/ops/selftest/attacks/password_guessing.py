"""Many passwords for one name. A name that nobody has is throttled like any, so nobody is locked out."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

MOST = 10


def attempt(trial: Trial) -> None:
    name = f"selftest-{secrets.token_hex(4)}"
    statuses = []
    for number in range(MOST):
        answer = trial.stranger().sign_in(name, f"wrong password {number}", patient=False)
        statuses.append(answer.status)
        if answer.status == 429:
            waits = answer.header("retry-after").isdigit()
            trial.hold(waits, "a throttled sign-in does not say how long to wait")
            break
        trial.refused(answer, "a wrong password", 401)
    trial.hold(429 in statuses, f"{MOST} passwords in a row are tried for one name, without a wait")


ATTACK = Attack(
    id="password-guessing",
    title="Guess passwords of one name",
    stride=("S",),
    asvs=("V6.3.1",),
    severity="high",
    expects=f"A wait (429) before {MOST} guesses.",
    mend="Delay after a few failures per name, and double the delay.",
    attempt=attempt,
    order=50,
)

"""Whether a refused sign-in tells by its time which names exist.

The shortest of several tries is compared, which noise only makes longer; a difference has to show
twice before it counts.
"""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.trial import Trial

TRIES = 3
RATIO = 2.5
LEAST = 0.02  # seconds of difference that can be told over a network


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    try:
        for last in (False, True):
            known, unknown = _shortest(trial, account.username)
            longer, shorter = max(known, unknown), min(known, unknown)
            differs = longer > RATIO * shorter and longer - shorter > LEAST
            if not differs:
                break
            if not last:
                trial.fresh()  # a good sign-in forgets the failures
    finally:
        trial.fresh()
    trial.hold(
        not differs,
        f"a name that somebody has is refused in {known * 1000:.0f} ms, one that nobody has in "
        f"{unknown * 1000:.0f} ms",
    )


def _shortest(trial: Trial, name: str) -> tuple[float, float]:
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(TRIES):
        nobody = f"selftest-{secrets.token_hex(4)}"
        for times, who in ((known, name), (unknown, nobody)):
            answer = trial.stranger().sign_in(who, "wrong password", patient=True)
            if answer.status != 401:
                cannot(f"a wrong password was answered {answer.status}")
            times.append(answer.seconds)
    return min(known), min(unknown)


ATTACK = Attack(
    id="user-enumeration-time",
    title="Learn from the time of refused sign-ins which user names exist",
    stride=("I",),
    asvs=("V6.3.8",),
    severity="medium",
    expects=f"Neither takes {RATIO} times as long as the other.",
    mend="Compute one password hash for every refusal.",
    attempt=attempt,
    needs="account",
    order=46,
)

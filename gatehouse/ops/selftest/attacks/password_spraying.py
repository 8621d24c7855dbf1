"""One password for many names, each from another address that a header claims.

Others who sign in from the same address have to wait a minute after this, so it is not made by default.
"""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.trial import Trial

MOST = 40


def attempt(trial: Trial) -> None:
    stopped = False
    browser = trial.stranger()
    for number in range(MOST):
        address = f"198.51.100.{number + 1}"  # of a documentation range, RFC 5737
        forwarded: dict[str, Change] = {
            "X-Forwarded-For": address,
            "Forwarded": f"for={address}",
            "X-Real-IP": address,
            "True-Client-IP": address,
        }
        given = {"username": f"selftest-{secrets.token_hex(4)}", "password": "Spring 2026 spring"}
        change = {**browser.at_the_door(), **forwarded}
        answer = browser.ask("POST", "/api/v1/session", given, change=change, patient=False)
        stopped = answer.status == 429
        if stopped:
            break
        trial.refused(answer, "a wrong password", 401)
    trial.hold(
        stopped,
        f"{MOST} names are tried from one address without a wait, each with another X-Forwarded-For",
    )


ATTACK = Attack(
    id="password-spraying",
    title="Try one password for many names, with forged forwarding headers",
    stride=("S",),
    asvs=("V6.3.1", "V4.1.3", "V15.3.4"),
    severity="high",
    expects=f"A wait (429) before {MOST} names, whatever the headers say.",
    mend="Count per source address; believe forwarding headers of server.trusted_proxies only.",
    attempt=attempt,
    order=90,
    destructive=True,
)

"""Wrong codes in a row, until the throttle ends it. Five of them count against the test account."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Reply
from gatehouse.ops.selftest.steps import asked
from gatehouse.ops.selftest.trial import Trial

MOST = 12


def attempt(trial: Trial) -> None:
    site, browser = trial.site, trial.fresh()
    account = site.account
    assert account is not None
    challenge = asked(site, browser)
    stopped, first = False, ""
    for _ in range(MOST):
        answer = browser.give(challenge, account.wrong_code(), patient=False)
        reply = Reply(answer)
        if not trial.hold(not reply.accepted, "a wrong code is accepted"):
            return
        said = re.sub(r"\d+", "", reply.text)  # without the number of tries that are left
        first = first or said
        stopped = answer.status != 200 or reply.challenge is None or said != first
        if stopped:
            break
    trial.hold(stopped, f"{MOST} wrong codes in a row are looked at, without waiting or end")
    trial.refused(browser.ask("GET", "/api/v1/session"), "the session meanwhile", 200)


ATTACK = Attack(
    id="code-guessing",
    title="Guess codes until a throttle or the end of the request stops it",
    stride=("S", "D"),
    asvs=("V6.3.1", "V6.6.3"),
    severity="high",
    expects=f"Stopped before {MOST} codes in a row were looked at.",
    mend="Count a try before it is looked at, delay after a few, and end the request.",
    attempt=attempt,
    needs="code",
    order=60,
)

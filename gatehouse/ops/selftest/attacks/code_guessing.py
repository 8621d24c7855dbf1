"""Wrong codes in a row, until the throttle ends it. Five of them count against the test account."""

from __future__ import annotations

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
    stopped, left, text = False, [], ""
    for _ in range(MOST):
        answer = browser.give(challenge, account.wrong_code(), patient=False)
        if not trial.hold(not Reply(answer).accepted, "a wrong code is accepted"):
            return
        waiting, said = Reply(answer).challenge, Reply(answer).text
        stopped = answer.status != 200 or waiting is None or said == text
        if waiting is not None:
            left.append(waiting.get("attempts_left"))
            stopped = stopped or left[-2:-1] == left[-1:]  # it was not looked at
        text = said
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

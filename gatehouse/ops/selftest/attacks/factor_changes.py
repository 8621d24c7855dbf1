"""Second factors are changed by somebody who has a session and the password, and no code."""

from __future__ import annotations

import secrets
from typing import Any

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.browser import API, Browser, Reply
from gatehouse.ops.selftest.trial import Trial

CHANGES = f"{API}authenticators/changes"


def attempt(trial: Trial) -> None:
    mine, other = trial.fresh(), trial.fresh()
    waiting = f"{CHANGES}/{asked(mine)}"
    wrong = {"code": f"{secrets.randbelow(10**6):06}"}
    try:
        trial.refused(other.ask("POST", waiting, wrong), "a change of another session", 403, 404)
        as_request = f"{API}challenges/{waiting.rpartition('/')[2]}"
        answer = mine.ask("POST", as_request, {"id": secrets.token_hex(12), **wrong})
        trial.hold(not Reply(answer).accepted, "a change is approved as a request of the chat")
        trial.refused(mine.ask("POST", waiting, {}), "a change without any proof", 400)
        proven = mine.ask("POST", waiting, wrong)
        body: Any = proven.json or {}
        trial.hold(
            proven.status != 200 or not body.get("codes"),
            "new recovery codes are given for a code that nobody has",
        )
    finally:
        mine.ask("DELETE", waiting)
    nobodys = secrets.token_hex(16)
    answers = {
        "the confirmation of what nobody began": ("confirmation", wrong),
        "another name for what is not there": ("name", {"name": "selftest"}),
    }
    for what, (how, given) in answers.items():
        answer = mine.ask("POST", f"{API}authenticators/{nobodys}/{how}", given)
        trial.refused(answer, what, 404)
    deliver = mine.ask("POST", f"{CHANGES}/{nobodys}/delivery", {"authenticator": nobodys})
    trial.refused(deliver, "a code sent for a change that nobody asked for", 403, 404)


def asked(browser: Browser) -> str:
    """The id of a change that waits for its proof; raises `NotRun` when there is none."""
    answer = browser.ask("POST", CHANGES, {"change": "recovery"})
    challenge = (answer.json or {}).get("challenge") if answer.status == 200 else None
    if not isinstance(challenge, dict):
        cannot("the test account has no second factor that could be attacked")
    return str(challenge.get("id"))


ATTACK = Attack(
    id="factor-changes",
    title="Change second factors with a session and no code",
    stride=("S", "E"),
    asvs=("V6.4.4", "V6.5.1", "V7.5.1"),
    severity="critical",
    expects="Every change takes a proof by another factor, in the session that asked for it.",
    mend="Prove each change at that moment, bound to the change and to its session.",
    attempt=attempt,
    needs="account",
    order=24,
)

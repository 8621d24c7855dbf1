"""Cookies that no server gave: made up, of another form, empty, repeated."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import SESSION
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    person = trial.person if trial.has_account else None  # a server may confuse the two
    made_up = {
        "no cookie": None,
        "an empty session cookie": f"{SESSION}=",
        "a made-up session cookie": f"{SESSION}={secrets.token_urlsafe(32)}",
        "a session cookie of zeros": f"{SESSION}={'A' * 43}",
        "a very long session cookie": f"{SESSION}={'x' * 4000}",
        "a session cookie with SQL in it": f"{SESSION}=' OR '1'='1",
        "a session cookie under another name": f"gatehouse={secrets.token_urlsafe(32)}",
    }
    for what, cookie in made_up.items():
        for path in ("/api/v1/session", "/api/v1/history", "/api/v1/sessions"):
            answer = stranger.ask("GET", path, change={"Cookie": cookie})
            trial.refused(answer, f"{what} at {path}", 401)
    if person is None:
        return
    cut = person.cookies.get(SESSION, "")[:-1]
    for what, token in {"cut by one sign": cut, "with one sign more": cut + "AA"}.items():
        answer = stranger.ask("GET", "/api/v1/session", change={"Cookie": f"{SESSION}={token}"})
        trial.refused(answer, f"a session cookie {what}", 401)


ATTACK = Attack(
    id="session-tokens",
    title="Show session cookies that were never given: made up, cut, empty, overlong",
    stride=("S",),
    asvs=("V7.2.1", "V7.2.3"),
    severity="critical",
    expects="Nobody is signed in (401).",
    mend="Look the whole token up on the server; what is not found is nobody.",
    attempt=attempt,
)

"""User name, password or session in the address, where logs and histories keep them."""

from __future__ import annotations

from urllib.parse import urlencode

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import SESSION
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    person, stranger = trial.person, trial.stranger()
    query = urlencode({"username": account.username, "password": account.password})
    door = stranger.at_the_door()
    for body in (b"", b"{}"):
        answer = stranger.ask("POST", f"/api/v1/session?{query}", body=body, change=door)
        trial.refused(answer, "a sign-in with the password in the address", 400, 403, 415)
    trial.refused(stranger.ask("GET", f"/api/v1/session?{query}"), "the same as a GET", 401)
    token = person.cookies.get(SESSION, "")
    for name in ("session", "token", "sid", SESSION):
        answer = stranger.ask("GET", f"/api/v1/session?{urlencode({name: token})}")
        trial.refused(answer, "a session in the address", 401)


ATTACK = Attack(
    id="credentials-in-address",
    title="Sign in with the password, or go on with the session, in the address",
    stride=("I",),
    asvs=("V14.2.1",),
    severity="medium",
    expects="Nobody is signed in.",
    mend="Take credentials from the body and sessions from the cookie only.",
    attempt=attempt,
    needs="account",
)

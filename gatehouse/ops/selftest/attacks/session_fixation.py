"""A session id that was planted before sign-in must be worth nothing after it."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.browser import SESSION
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    planted = secrets.token_urlsafe(32)
    victim, attacker = trial.stranger(), trial.stranger()
    victim.cookies[SESSION] = attacker.cookies[SESSION] = planted
    if victim.sign_in(account.username, account.password).status != 200:
        cannot("the test account could not sign in with a planted cookie")
    trial.hold(victim.cookies.get(SESSION) != planted, "the planted session id was taken over")
    trial.refused(attacker.ask("GET", "/api/v1/session"), "the planted session id", 401)

    before, csrf = victim.cookies.get(SESSION, ""), victim.csrf
    if victim.sign_in(account.username, account.password).status != 200:
        cannot("the test account could not sign in while it was signed in")
    trial.hold(victim.cookies.get(SESSION) != before, "signing in again kept the session id")
    trial.hold(victim.csrf != csrf, "signing in again kept the CSRF token")
    attacker.cookies[SESSION] = before
    trial.refused(attacker.ask("GET", "/api/v1/session"), "the session before a new sign-in", 401)
    victim.sign_out()


ATTACK = Attack(
    id="session-fixation",
    title="Plant a session id before sign-in and use it afterwards",
    stride=("S",),
    asvs=("V7.2.4",),
    severity="critical",
    expects="Sign-in makes a new session id; the planted one and the one before are nobody's.",
    mend="Make a new random session id at every sign-in and end the old session.",
    attempt=attempt,
    needs="account",
)

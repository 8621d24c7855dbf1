"""Whether the next person at the same screen sees the conversation before."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.trial import Trial

MARK = "zanzibar marker 7731"


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    browser = trial.fresh()
    browser.say(f"hello {MARK}")
    trial.hold(any(MARK in text for text in browser.said()), "the message is not in the history")
    browser.sign_out()
    late = browser.ask("GET", "/api/v1/history")
    trial.refused(late, "the history after signing out", 401)
    if browser.sign_in(account.username, account.password).status != 200:
        cannot("the test account could not sign in again")
    for who, what in ((browser, "a new sign-in"), (trial.fresh(), "another browser")):
        shown = who.ask("GET", "/api/v1/history").text
        trial.hold(MARK not in shown, f"{what} shows the conversation of an earlier session")
    browser.sign_out()


ATTACK = Attack(
    id="conversation-after-sign-out",
    title="Look for a conversation after signing out, and from other sessions",
    stride=("I",),
    asvs=("V8.2.2", "V14.3.1"),
    severity="high",
    expects="A conversation belongs to its session alone.",
    mend="Begin a new conversation with each session.",
    attempt=attempt,
    needs="account",
)

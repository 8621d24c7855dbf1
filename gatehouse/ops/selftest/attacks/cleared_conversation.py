"""A conversation that was cleared, asked for again in every way there is."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

MARK = "zanzibar marker 4402"


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    browser.say(f"hello {MARK}")
    browser.say(trial.site.words.offers_buttons)
    cleared = browser.ask("DELETE", "/api/v1/conversation")
    trial.refused(cleared, "clearing the conversation", 200)
    trial.hold((cleared.json or {}).get("ended") is True, "the conversation is not said to be over")
    trial.hold(not browser.history(), "a cleared conversation is still in the history")
    shown = browser.ask("GET", "/api/v1/history").text
    trial.hold(MARK not in shown, "words of a cleared conversation are still shown")
    waiting = (browser.ask("GET", "/api/v1/challenge").json or {}).get("challenge")
    trial.hold(waiting is None, "a request of a cleared conversation still waits for a code")


ATTACK = Attack(
    id="cleared-conversation",
    title="Clear a conversation and look for what is left of it",
    stride=("I",),
    asvs=("V14.2.7",),
    severity="high",
    expects="Nothing is left.",
    mend="Destroy the conversation's key when it ends (retention.on_end).",
    attempt=attempt,
    needs="account",
)

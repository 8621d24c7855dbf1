"""A one-time code that is typed among other words, and what is kept of it."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

CODE = "482913"


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    texts = (CODE, f"my code is {CODE}", f"the authenticator code: {CODE[:3]} {CODE[3:]} please")
    for text in texts:
        browser.say(text)
    browser.say("hello")
    answer = browser.ask("GET", "/api/v1/history")
    trial.refused(answer, "the history", 200)
    kept = CODE in answer.text or f"{CODE[:3]} {CODE[3:]}" in answer.text
    trial.hold(not kept, "a code that was typed into the chat is kept in the conversation")


ATTACK = Attack(
    id="code-in-history",
    title="Type a one-time code into the chat and look for it in what is kept",
    stride=("I",),
    asvs=("V14.2.4", "V16.2.5"),
    severity="medium",
    expects="Codes are taken out before they reach the conversation.",
    mend="Take codes out in the channel, before the language understanding.",
    attempt=attempt,
    needs="account",
)

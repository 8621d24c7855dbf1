"""Buttons that were never offered: payloads, names of intents, ids of another conversation."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.browser import API, Browser
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer

NAMES = ("view_salary", "view_leave_balance", "restart", "resume_request", "affirm")


def attempt(trial: Trial) -> None:
    mine, other = trial.fresh(), trial.fresh()
    for payload in ("/view_salary", '/inform{"person":"Marco Silva"}', "/restart"):
        trial.refused(_pressed(mine, payload), f"a button with the id {payload}", 400)
    unknown = mine.press("x" * 22).text
    for name in NAMES:
        reply = mine.press(name)
        same = reply.text == unknown and reply.challenge is None
        trial.hold(same, f"{name}, as the id of a button, is not answered like any unknown id")
    offered = other.say(trial.site.words.offers_buttons).buttons
    if not offered:
        cannot("no buttons were offered")
    trial.hold(mine.press(offered[0]).text == unknown, "a button of another conversation works")


def _pressed(browser: Browser, button: str) -> Answer:
    return browser.ask("POST", f"{API}buttons", {"id": new_id(), "button": button})


ATTACK = Attack(
    id="button-forgery",
    title="Press buttons that were not offered: payloads, intent names, another conversation's",
    stride=("E", "T"),
    asvs=("V8.2.2", "V2.2.2"),
    severity="high",
    expects="All are answered alike, and nothing happens.",
    mend="Give buttons random ids and map them to payloads on the server, per conversation.",
    attempt=attempt,
    needs="account",
)

"""Markup that somebody writes or puts into an address, and whether a browser would run it."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer

MARK = "<svg/onload=alert(5172)>"
TEXTS = (
    f"hello {MARK}",
    '"><script>alert(5172)</script>',
    "my name is [x](javascript:alert(5172))",
    "{{7*7}} ${7*7} <%= 7*7 %>",
)


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    page = stranger.ask("GET", "/chat")
    trial.refused(page, "the page", 200)
    for found in re.findall(r"<script\b[^>]*>", page.text, re.IGNORECASE):
        trial.hold("src=" in found, "the page has a script of its own inside")
        trial.hold("integrity=" in found, "a script of the page has no integrity value")
    inline = re.search(r"\son\w+=|<style\b|javascript:", page.text, re.IGNORECASE)
    trial.hold(inline is None, "the page has inline handlers or styles")
    quoted = MARK.replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
    for path in (f"/chat?q={quoted}", f"/chat?{quoted}", f"/{quoted}", f"/chat/static/{quoted}"):
        _harmless(trial, stranger.ask("GET", path), f"{path.partition('%')[0]}…")
    _harmless(trial, stranger.ask("GET", f"/chat?q={MARK}"), "/chat?q=… unquoted")
    if not trial.has_account:
        return
    browser = trial.fresh()
    for text in TEXTS:
        answer = browser.message(text)
        trial.refused(answer, "a message with markup", 200)
        _harmless(trial, answer, "the answer to a message with markup")
    _harmless(trial, browser.ask("GET", "/api/v1/history"), "the history")


def _harmless(trial: Trial, answer: Answer, what: str) -> None:
    kind = answer.header("content-type").lower()
    as_markup = any(word in kind for word in ("html", "xml", "svg")) or not kind
    raw = MARK in answer.text or "alert(5172)</script>" in answer.text
    trial.hold(not (as_markup and raw), f"{what} brings markup back as a page")
    if answer.body and "json" not in kind:
        trial.hold("html" in kind or "text/plain" in kind, f"{what} is of the type {kind!r}")
    nosniff = answer.header("x-content-type-options").lower() == "nosniff"
    trial.hold(nosniff, f"{what} may be taken for another type than it says")


ATTACK = Attack(
    id="script-in-answers",
    title="Write markup and scripts into messages and addresses",
    stride=("T", "E"),
    asvs=("V1.2.1", "V3.2.1", "V3.2.2", "V1.3.7"),
    severity="high",
    expects="Answers are JSON that is not sniffed; the page repeats nothing and has no inline code.",
    mend="Leave type and policy headers alone; put nothing of a request into a page.",
    attempt=attempt,
)

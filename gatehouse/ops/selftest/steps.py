"""Steps that several attacks begin with: a request that waits for its code, and its passing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gatehouse.ops.selftest.attack import cannot
from gatehouse.ops.selftest.browser import Browser, Reply
from gatehouse.ops.selftest.site import Site
from gatehouse.ops.selftest.trial import Trial

MONEY = re.compile(r"[€$£]|\bEUR\b|\bUSD\b|\bGBP\b")
"""How an answer that tells pay is known."""

RIGHTS = frozenset({"hr_admin", "manager", "auditor", "compliance"})
"""Roles that may ask for more than an employee."""

_Found = TypeVar("_Found")


def asked(site: Site, browser: Browser) -> Mapping[str, Any]:
    """The challenge of a request that needs a code; raises `NotRun` when none is asked for."""
    challenge = browser.say(site.words.sensitive).challenge
    if challenge is None:
        cannot("no code was asked for; name a request that needs one with --sensitive")
    return challenge


def passed(site: Site, browser: Browser) -> tuple[Mapping[str, Any], str, Reply]:
    """A challenge, the good code that was given for it, and the reply; raises `NotRun`."""
    challenge = asked(site, browser)
    account = site.account
    assert account is not None
    for _ in range(2):  # the first may have been used up by a run before
        code = account.code()
        answer = browser.give(challenge, code)
        if answer.status == 200 and Reply(answer).accepted:
            return challenge, code, Reply(answer)
    cannot("no code of the test account was accepted; is --totp-file its secret?")


def few_rights(trial: Trial) -> None:
    """Raise `NotRun` when the test account may do more than an employee."""
    about = trial.person.ask("GET", "/api/v1/session").json or {}
    person = about.get("person") if isinstance(about, dict) else None
    roles = person.get("roles") if isinstance(person, dict) else None
    if RIGHTS & set(roles or ()):
        cannot("the test account has more rights than an employee; lend one with few")


def not_told(trial: Trial, browser: Browser, requests: tuple[str, ...]) -> None:
    """Check that none of `requests` is answered with an amount, or offered for a code."""
    for words in requests:
        reply = browser.say(words)
        trial.hold(not MONEY.search(reply.text), f"{words!r} is answered with an amount")
        offered = reply.challenge is not None
        trial.hold(not offered, f"{words!r} would be answered after a code")
        if offered:
            browser.say("cancel")


def at_once(number: int, work: Callable[[int], _Found]) -> list[_Found]:
    """What `work` gives for 0 … `number` - 1, all running at the same time."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))

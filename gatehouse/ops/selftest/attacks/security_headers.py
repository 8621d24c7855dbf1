"""The headers that protect people in their browsers, on pages and on every kind of refusal."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer

PLACES = (
    ("GET", "/chat", "the page"),
    ("GET", "/api/v1/session", "a refusal for strangers"),
    ("GET", "/nothing-is-here", "an address with nothing"),
    ("PUT", "/api/v1/session", "a method that is not taken"),
    ("POST", "/api/v1/session", "a body that is not valid"),
)
EXACT = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
FORBIDDEN_SOURCES = ("'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:")


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    for method, path, place in PLACES:
        answer = stranger.ask(method, path)
        for name, value in EXACT.items():
            trial.hold(
                value in answer.header(name).lower(), f"{place}: the header {name} is not {value}"
            )
        age = re.search(r"max-age=(\d+)", answer.header("strict-transport-security"))
        least = 300 if trial.site.target.is_this_machine else 31_536_000
        trial.hold(
            age is not None and int(age[1]) >= least,
            f"{place}: HSTS is missing or shorter than {least} s",
        )
        _policy(trial, answer, place)


def _policy(trial: Trial, answer: Answer, place: str) -> None:
    policy = {}
    for directive in answer.header("content-security-policy").split(";"):
        name, _, value = directive.strip().partition(" ")
        policy[name] = value.split()
    if not trial.hold("default-src" in policy, f"{place}: there is no content security policy"):
        return
    scripts = policy.get("script-src", policy["default-src"])
    loose = [source for source in scripts if source in FORBIDDEN_SOURCES]
    trial.hold(not loose, f"{place}: scripts are allowed from {' '.join(loose)}")
    trial.hold("frame-ancestors" in policy, f"{place}: any page may show this one in a frame")
    trial.hold("*" not in policy.get("frame-ancestors", ()), f"{place}: frames of everybody")
    trial.hold(policy.get("base-uri") == ["'none'"], f"{place}: base-uri is not 'none'")
    trial.hold(policy["default-src"] == ["'none'"], f"{place}: default-src is not 'none'")


ATTACK = Attack(
    id="security-headers",
    title="Look for protective headers that are missing or weak, on pages and on refusals",
    stride=("T", "I"),
    asvs=("V3.4.1", "V3.4.3", "V3.4.4", "V3.4.5", "V3.4.6", "V3.4.8", "V14.3.2"),
    severity="medium",
    expects="The full set on every answer, errors included.",
    mend="Leave the headers as Gatehouse sets them; a proxy in front must not take any away.",
    attempt=attempt,
)

"""JSON that is nested so deeply that a parser runs out of stack."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    browser = trial.stranger()
    change = browser.at_the_door()
    for depth in (6, 100, 7000):
        for what, left, right in (("lists", b"[", b"]"), ("objects", b'{"a":', b"}")):
            pad = (14_000 // len(left)) if depth > 1000 else depth
            body = b'{"username":' + left * pad + b"1" + right * min(pad, 1000) + b"}"
            answer = browser.ask("POST", "/api/v1/session", body=body[:16_000], change=change)
            trial.refused(answer, f"{depth} nested {what}", 400)
    health = trial.site.send("GET", "/healthz")
    trial.refused(health, "the site after that", 200)


ATTACK = Attack(
    id="deep-bodies",
    title="Send JSON that is nested thousands of times",
    stride=("D",),
    asvs=("V1.5.2", "V15.2.2"),
    severity="medium",
    expects="Refused (400), never a failure (5xx).",
    mend="Bound the depth before parsing.",
    attempt=attempt,
)

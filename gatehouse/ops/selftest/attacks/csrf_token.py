"""Requests that change something, from our own origin but without the CSRF token of the session."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial

CHANGES = (
    ("POST", "/api/v1/messages", True),
    ("POST", "/api/v1/session/extension", False),
    ("DELETE", "/api/v1/conversation", None),
)


def attempt(trial: Trial) -> None:
    mine, other = trial.fresh(), trial.fresh()
    shown = {
        "without a CSRF token": None,
        "with an empty CSRF token": "",
        "with a made-up CSRF token": "0" * 64,
        "with the CSRF token of another session": other.csrf,
        "with the CSRF token twice": (mine.csrf, mine.csrf),
    }
    for method, path, speaks in CHANGES:
        for how, token in shown.items():
            body = None if speaks is None else {"id": new_id(), "text": "hello"} if speaks else {}
            answer = mine.ask(method, path, body, change={"X-CSRF-Token": token})
            trial.refused(answer, f"{method} {path} {how}", 403)
    trial.hold(mine.csrf != other.csrf, "two sessions have the same CSRF token")


ATTACK = Attack(
    id="csrf-token",
    title="Change something without the CSRF token of the session, or with another's",
    stride=("S", "T"),
    asvs=("V3.5.1",),
    severity="high",
    expects="Refused (403), whatever else is right.",
    mend="Compare X-CSRF-Token with the value of this very session before anything is changed.",
    attempt=attempt,
    needs="account",
)

"""The numbers for Prometheus, without the token or with a guessed one."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.trial import Trial

SERIES = re.compile(r"^# (?:HELP|TYPE) ", re.MULTILINE)


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    shown: dict[str, dict[str, Change]] = {
        "without a token": {},
        "with an empty token": {"Authorization": "Bearer "},
        "with a guessed token": {"Authorization": "Bearer prometheus"},
        "with a password": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    }
    for how, change in shown.items():
        answer = stranger.ask("GET", "/metrics", change=change)
        trial.refused(answer, f"/metrics {how}", 401, 403, 404)
        trial.hold(not SERIES.search(answer.text), f"/metrics {how} shows numbers")
    answer = stranger.ask("GET", "/metrics?token=prometheus")
    trial.refused(answer, "/metrics with a token in the address", 401, 403, 404)
    for path in ("/healthz", "/readyz"):
        words = stranger.ask("GET", path).text
        trial.hold(len(words) < 20, f"{path} tells more than a word")


ATTACK = Attack(
    id="metrics-open",
    title="Read the metrics without their token",
    stride=("I",),
    asvs=("V13.4.5",),
    severity="medium",
    expects="Nothing, or a refusal; health is one word.",
    mend="Set metrics.token_file, or show metrics on the loopback port only.",
    attempt=attempt,
)

"""Other names in Host and in forwarding headers, which links and redirects might be made of."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.trial import Trial

EVIL = "attacker.example"


def attempt(trial: Trial) -> None:
    stranger, netloc = trial.stranger(), trial.site.target.netloc
    wrong: dict[str, dict[str, Change]] = {
        "another host": {"Host": EVIL},
        "another port": {"Host": f"{netloc.rpartition(':')[0] or netloc}:1"},
        "two hosts": {"Host": (netloc, EVIL)},
        "a host with a path": {"Host": f"{netloc}/{EVIL}"},
        "a host with a user": {"Host": f"{netloc}@{EVIL}"},
    }
    for what, change in wrong.items():
        for path in ("/", "/chat"):
            answer = stranger.ask("GET", path, change=change)
            trial.hold(400 <= answer.status < 500, f"{path} for {what}: answered {answer.status}")
            trial.hold(EVIL not in answer.header("location"), f"{path} for {what}: leads there")
    forwarded: dict[str, Change] = {
        "X-Forwarded-Host": EVIL,
        "Forwarded": f"host={EVIL};proto=http",
        "X-Forwarded-Proto": "http",
        "X-Original-URL": "/metrics",
        "X-Rewrite-URL": "/metrics",
    }
    for path in ("/", "/chat", "/chat//" + EVIL, "//" + EVIL, "/\\" + EVIL):
        answer = stranger.ask("GET", path, change=forwarded)
        led = EVIL in answer.header("location")
        trial.hold(not led, f"{path} leads to a host that the request names")
        trial.hold(EVIL not in answer.text, f"{path} shows a host that the request names")


ATTACK = Attack(
    id="host-header",
    title="Name another host in Host and forwarding headers",
    stride=("S", "T"),
    asvs=("V4.1.3", "V3.7.2"),
    severity="medium",
    expects="Refused (421); no link or redirect is made of what a request names.",
    mend="Set server.public_origin; let a proxy pass on known hosts only.",
    attempt=attempt,
)

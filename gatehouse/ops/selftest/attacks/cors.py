"""Whether pages of other origins are let in by CORS, as Rasa's server does by default."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

ORIGINS = ("https://attacker.example", "null")


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    for origin in ORIGINS:
        for method, path in (
            ("GET", "/chat"),
            ("GET", "/api/v1/session"),
            ("GET", "/healthz"),
            ("OPTIONS", "/api/v1/messages"),
            ("OPTIONS", "/api/v1/session"),
        ):
            change = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-csrf-token",
            }
            answer = stranger.ask(method, path, change=change)
            opened = [
                name for name, _ in answer.headers if name.lower().startswith("access-control-")
            ]
            trial.hold(
                not opened, f"{method} {path} for the origin {origin}: {', '.join(opened[:3])}"
            )
            if method == "OPTIONS":
                trial.hold(answer.status >= 400, f"{path}: a preflight is answered {answer.status}")


ATTACK = Attack(
    id="cors",
    title="Ask as a page of another origin whether it may read answers (CORS)",
    stride=("I",),
    asvs=("V3.4.2",),
    severity="high",
    expects="No Access-Control header on any answer; preflights are refused.",
    mend="Do not enable CORS; the protocol is of one origin only.",
    attempt=attempt,
)

"""Methods that nobody needs, and headers that smuggle another method in."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

SECRET = "canary-5f2c"
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    for method in ("TRACE", "PUT", "PATCH", "OPTIONS", "PROPFIND", "TRACK", "FOO"):
        for path in ("/chat", "/api/v1/session", "/"):
            answer = stranger.ask(method, path, change={"X-Canary": SECRET})
            trial.hold(
                400 <= answer.status < 600 and answer.status != 500,
                f"{method} {path} is answered {answer.status}",
            )
            trial.hold(SECRET not in answer.text, f"{method} {path} echoes the request's headers")
    for path in ("/api/v1/messages", "/api/v1/buttons", "/api/v1/conversation"):
        trial.refused(stranger.ask("GET", path), f"GET {path}, which changes something", 404, 405)
    if not trial.has_account:
        return
    browser = trial.fresh()
    for header in OVERRIDES:
        browser.ask("GET", "/api/v1/session", change={header: "DELETE"})
        browser.ask("GET", "/api/v1/session?_method=DELETE")
        answer = browser.ask("GET", "/api/v1/session")
        trial.refused(answer, f"the session after a GET with {header}: DELETE", 200)


ATTACK = Attack(
    id="methods",
    title="Use methods that are not needed (TRACE, PUT, …) and smuggle methods in by headers",
    stride=("T", "I"),
    asvs=("V4.1.4", "V13.4.4", "V3.5.3"),
    severity="medium",
    expects="Refused (405 or 404); a GET changes nothing.",
    mend="Allow GET, HEAD, POST and DELETE only, and heed no override header.",
    attempt=attempt,
)

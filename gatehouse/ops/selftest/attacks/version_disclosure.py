"""Names and versions of what the service is built with."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

NAMED = re.compile(
    r"\b(rasa|sanic|python|openssl|sqlalchemy|gatehouse|nginx|apache|gunicorn|uvicorn)"
    r"[ /:\-v]*\d+\.\d+",
    re.IGNORECASE,
)
HEADERS = ("server", "x-powered-by", "x-aspnet-version", "x-generator", "via", "x-runtime")
PLACES = (
    "/",
    "/chat",
    "/version",
    "/status",
    "/healthz",
    "/nothing-is-here",
    "/chat/static/gatehouse.js",
)


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    for path in PLACES:
        answer = stranger.ask("GET", path)
        for name in HEADERS:
            value = answer.header(name)
            trial.hold(
                not re.search(r"\d", value), f"{path}: the header {name} says {value[:60]!r}"
            )
            telling = re.search(r"sanic|rasa|python", value, re.IGNORECASE)
            trial.hold(telling is None, f"{path}: the header {name} says {value[:60]!r}")
        found = NAMED.search(answer.text)
        trial.hold(found is None, f"{path}: names {found[0]!r}" if found else "")
    banner = stranger.ask("GET", "/").text
    trial.hold("hello from rasa" not in banner.lower(), "the banner of Rasa is shown")


ATTACK = Attack(
    id="version-disclosure",
    title="Look for names and versions of the software",
    stride=("I",),
    asvs=("V13.4.6",),
    severity="low",
    expects="None.",
    mend="Take Server and X-Powered-By away in a proxy; leave the banner off.",
    attempt=attempt,
)

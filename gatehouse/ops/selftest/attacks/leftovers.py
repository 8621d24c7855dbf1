"""Files and pages that are left behind: repositories, settings, databases, consoles, documentation."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

PATHS = (
    "/.git/HEAD",
    "/.git/config",
    "/.env",
    "/gatehouse.toml",
    "/credentials.yml",
    "/endpoints.yml",
    "/domain.yml",
    "/policies/pay.yml",
    "/webhooks.toml",
    "/var/gatehouse.db",
    "/var/audit.db",
    "/var/demo.json",
    "/var/keys/",
    "/models/current.tar.gz",
    "/server.log",
    "/docs",
    "/openapi.json",
    "/openapi.yml",
    "/api/v1/openapi.yml",
    "/swagger",
    "/debug",
    "/console",
    "/admin",
    "/server-status",
    "/actuator/env",
    "/backup.zip",
    "/chat/static/",
    "/chat/static/gatehouse.js.map",
)


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    for path in PATHS:
        answer = stranger.ask("GET", path)
        trial.refused(answer, path, 400, 403, 404, 405)


ATTACK = Attack(
    id="leftovers",
    title="Look for repositories, settings, databases, consoles and documentation",
    stride=("I",),
    asvs=("V13.4.1", "V13.4.2", "V13.4.3", "V13.4.5", "V13.4.7"),
    severity="high",
    expects="There is nothing at these addresses (404).",
    mend="Serve nothing but the page and its two files; look at what a proxy serves from disk.",
    attempt=attempt,
)

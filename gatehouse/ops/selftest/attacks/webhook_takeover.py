"""A forged webhook message that says that the test account's person has left.

When it is believed the account is disabled, and an administrator has to enable it again; so it is made
on request only, and last.
"""

from __future__ import annotations

import base64
import secrets
import time

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    site, account = trial.site, trial.site.account
    if not site.words.webhook:
        cannot("name an incoming webhook of this deployment with --webhook")
    assert account is not None
    browser = trial.fresh()
    signature = base64.b64encode(secrets.token_bytes(32)).decode()
    headers = [
        ("Content-Type", "application/json"),
        ("webhook-id", f"msg_{secrets.token_hex(8)}"),
        ("webhook-timestamp", str(int(time.time()))),
        ("webhook-signature", f"v1,{signature}"),
    ]
    body = as_json({"type": "person.left", "data": {"username": account.username}})
    answer = site.send("POST", f"/api/v1/hooks/{site.words.webhook}", headers, body)
    trial.refused(answer, "a forged message that somebody has left", 401)
    still = browser.ask("GET", "/api/v1/session")
    trial.refused(still, "the session of the person whom it names", 200)


ATTACK = Attack(
    id="webhook-takeover",
    title="Lock the test account out by a forged webhook message",
    stride=("S", "D"),
    asvs=("V4.1.5",),
    severity="critical",
    expects="Refused (401); the account stays as it is.",
    mend="Verify the signature before anything is done, and rotate the secret.",
    attempt=attempt,
    needs="account",
    order=99,
    destructive=True,
)

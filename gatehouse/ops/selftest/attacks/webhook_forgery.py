"""Messages to an incoming webhook that its other system never signed."""

from __future__ import annotations

import base64
import secrets
import time

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial

BODY = as_json({"type": "person.left", "data": {"username": "selftest-nobody-has-this-name"}})


def attempt(trial: Trial) -> None:
    name = trial.site.words.webhook
    if not name:
        cannot("name an incoming webhook of this deployment with --webhook")
    now = int(time.time())
    forged = base64.b64encode(secrets.token_bytes(32)).decode()
    signatures = {
        "without a signature": {},
        "with an empty signature": {"webhook-signature": ""},
        "with a made-up signature": {"webhook-signature": f"v1,{forged}"},
        "with a signature of another version": {"webhook-signature": f"v0,{forged}"},
        "with a thousand signatures": {"webhook-signature": f"v1,{forged} " * 50},
    }
    shown = set()
    for what, header in signatures.items():
        for how, at in (("", now), (", an hour old", now - 3600), (", of tomorrow", now + 86400)):
            headers = {
                "Content-Type": "application/json",
                "webhook-id": f"msg_{secrets.token_hex(8)}",
                "webhook-timestamp": str(at),
                **header,
            }
            path = f"/api/v1/hooks/{name}"
            answer = trial.site.send("POST", path, list(headers.items()), BODY)
            trial.refused(answer, f"a webhook message {what}{how}", 401)
            shown.add((answer.status, answer.text))
    other = trial.site.send(
        "POST", "/api/v1/hooks/no-such-hook", [("Content-Type", "application/json")], BODY
    )
    shown.add((other.status, other.text))
    trial.hold(len(shown) == 1, "refusals tell which webhooks there are, or what was wrong")


ATTACK = Attack(
    id="webhook-forgery",
    title="Send webhook messages that are unsigned, forged, or old",
    stride=("S", "T"),
    asvs=("V4.1.5",),
    severity="high",
    expects="One refusal (401) for all of them.",
    mend="Verify the signature over id, time and body before anything else.",
    attempt=attempt,
)

"""Rasa's own HTTP API, with which whoever reaches it sets slots, runs actions and reads conversations."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial

JSON = [("Content-Type", "application/json")]
READ = (
    "/version",
    "/status",
    "/domain",
    "/model/intents",
    "/conversations/default/tracker",
    "/conversations/default/story",
    "/conversations/default/tracker?token=",
)
WRITE = {
    "/model/parse": {"text": "hello"},
    "/model/train": {},
    "/model/test/intents": {},
    "/conversations/default/messages": {"text": "hello", "sender": "user"},
    "/conversations/default/tracker/events": {"event": "slot", "name": "x", "value": "y"},
    "/conversations/default/execute": {"name": "action_listen"},
    "/conversations/default/predict": {},
    "/conversations/default/trigger_intent": {"name": "greet"},
    "/model/predict": [],
}


def attempt(trial: Trial) -> None:
    site = trial.site
    for path in READ:
        trial.refused(site.send("GET", path), f"GET {path}", 403, 404, 405, 421)
    for path, body in WRITE.items():
        answer = site.send("POST", path, JSON, as_json(body))
        trial.refused(answer, f"POST {path}", 403, 404, 405, 421)
    answer = site.send("PUT", "/model", JSON, as_json({}))
    trial.refused(answer, "PUT /model", 403, 404, 405, 421)
    answer = site.send("GET", "/")
    trial.hold("rasa" not in answer.text.lower(), "GET / is answered by Rasa")


ATTACK = Attack(
    id="rasa-http-api",
    title="Reach the HTTP API of Rasa: conversations, slots, actions, models",
    stride=("S", "T", "I", "E"),
    asvs=("V15.2.3", "V8.4.2", "V13.4.5"),
    severity="critical",
    expects="There is nothing at these addresses.",
    mend="Start with `gatehouse run`, never with --enable-api; look at other routes of a proxy.",
    attempt=attempt,
)

"""The channels that Rasa ships, which take the sender from whoever writes."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import as_json
from gatehouse.ops.selftest.trial import Trial

NAMES = (
    "rest", "callback", "socketio", "facebook", "slack", "telegram", "twilio", "twilio_voice",
    "mattermost", "msteams", "botframework", "rocketchat", "webexteams", "hangouts",
)  # fmt: skip
SOCKETS = ("/socket.io/?EIO=4&transport=polling", "/webhooks/socketio/")


def attempt(trial: Trial) -> None:
    site = trial.site
    said = as_json({"sender": "someone.else", "message": "hello", "metadata": {}})
    for name in NAMES:
        answer = site.send("GET", f"/webhooks/{name}/")
        trial.refused(answer, f"the channel {name}", 403, 404, 405, 421)
        answer = site.send(
            "POST", f"/webhooks/{name}/webhook", [("Content-Type", "application/json")], said
        )
        trial.refused(answer, f"a message to the channel {name}", 403, 404, 405, 421)
    for path in SOCKETS:
        trial.refused(site.send("GET", path), path, 403, 404, 405, 421)


ATTACK = Attack(
    id="stock-channels",
    title="Reach the channels that Rasa ships (rest, callback, socketio, …)",
    stride=("S", "E"),
    asvs=("V15.2.3", "V8.3.1"),
    severity="critical",
    expects="There is nothing at these addresses.",
    mend="Leave only gatehouse.channel.WebChannel in credentials.yml.",
    attempt=attempt,
)

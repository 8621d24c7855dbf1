"""The packages that Rasa imports and this stack leaves out.

Rasa 3.6.21 imports TensorFlow in every component of its default recipe, and the client library of
every chat service that it has a connector for, each time it starts. None of them is used by an
assistant that is served over its own web channel. This table says what stands for what; it must
name a package only if Rasa starts, trains and serves without it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Absent:
    """What needs the package, for people, and the requirement that brings it back."""

    user: str
    requirement: str


TENSORFLOW = Absent("A component built on TensorFlow", "--no-deps -r lean/tensorflow.txt")
SOCKETIO = Absent("Rasa's socketio channel", "'python-socketio<6'")
HANGOUTS = Absent("Rasa's hangouts channel", "google-auth cachecontrol")
TWILIO = Absent("Rasa's twilio and twilio_voice channels", "twilio")
DYNAMO = Absent("Rasa's DynamoTrackerStore or S3 model storage", "boto3")

ABSENT: dict[str, Absent] = {
    "tensorflow": TENSORFLOW,
    "tensorflow_hub": TENSORFLOW,
    "tensorflow_text": TENSORFLOW,
    "keras": TENSORFLOW,
    "aiogram": Absent("Rasa's telegram channel", "'aiogram<3'"),
    "boto3": DYNAMO,
    "botocore": DYNAMO,
    "cachecontrol": HANGOUTS,
    "fbmessenger": Absent("Rasa's facebook channel", "fbmessenger"),
    "google": HANGOUTS,
    "google.auth": HANGOUTS,
    "google.oauth2": HANGOUTS,
    "pymongo": Absent("Rasa's MongoTrackerStore", "pymongo"),
    "rocketchat_API": Absent("Rasa's rocketchat channel", "rocketchat-API"),
    "slack_sdk": Absent("Rasa's slack channel", "slack-sdk"),
    "socketio": SOCKETIO,
    "twilio": TWILIO,
    "webexteamssdk": Absent("Rasa's webexteams channel", "webexteamssdk"),
}


def absent_for(name: str) -> Absent | None:
    """The entry that covers the module or object with the dotted `name`."""
    while name:
        if name in ABSENT:
            return ABSENT[name]
        name = name.rpartition(".")[0]
    return None

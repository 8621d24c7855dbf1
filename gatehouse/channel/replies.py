"""What the bot said, as the browser may have it.

Bot text can quote what a person wrote, so invisible and direction-changing characters are taken out
here as well. Payloads never pass; images and attachments, which nothing in this project sends, are
dropped rather than shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatehouse.channel.buttons import Button, Buttons
from gatehouse.tracker.transcript import clean

MOST_TEXT = 10_000
EXPORT_PATH = "/api/v1/exports/"

NOTHING_SAID = "I have no answer to that. Please try again, or put it in other words."


@dataclass(slots=True)
class Reply:
    """The answer to one request of the browser, ready for JSON."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    challenge: dict[str, Any] | None = None
    ended: bool = False
    accepted: bool | None = None  # what became of a code; None when there was none
    confirmed_with: str = ""  # the authenticator of a code that was good
    until_end: int | None = None  # how many messages there were when the bot said goodbye

    @classmethod
    def say(cls, *texts: str, accepted: bool | None = None) -> Reply:
        return cls([{"text": text} for text in texts], accepted=accepted)

    def end(self) -> None:
        """The conversation is gone: nothing said after the goodbye counts, no button works."""
        self.ended = True
        if self.until_end is not None:
            kept = self.messages[: self.until_end]
        else:
            kept = [message for message in self.messages if "buttons" not in message]
        for message in kept:
            message.pop("buttons", None)
        self.messages = kept

    def as_json(self) -> dict[str, Any]:
        found = {"messages": self.messages, "challenge": self.challenge, "ended": self.ended}
        return found if self.accepted is None else {**found, "accepted": self.accepted}


def visible(text: object) -> str:
    """`text` without control and format characters, shortened to a length a page can show."""
    return clean(str(text)[:MOST_TEXT])


def buttons_of(message: Mapping[str, Any]) -> list[Button]:
    """The well-formed buttons of a bot message as Rasa collected or stored it."""
    found = []
    for item in message.get("buttons") or ():
        if isinstance(item, Mapping) and item.get("title") and item.get("payload"):
            found.append(Button(visible(item["title"]), str(item["payload"])))
    return found


def collect(sent: Iterable[Mapping[str, Any]], conversation_id: str, buttons: Buttons) -> Reply:
    """The messages of one turn: `text`, and `buttons` or `download` where there are any."""
    reply = Reply()
    for item in sent:
        message: dict[str, Any] = {}
        if text := visible(item.get("text") or ""):
            message["text"] = text
        if offered := buttons_of(item):
            message["buttons"] = buttons.offer(conversation_id, offered)
        if download := _download(item.get("custom")):
            message["download"] = download
        if message:
            reply.messages.append({"text": "", **message})
        if reply.until_end is None and _is_end(item.get("custom")):
            reply.until_end = len(reply.messages)
    return reply


def _is_end(custom: object) -> bool:
    """Whether `custom` is the goodbye `{"gatehouse": "conversation_ended"}`."""
    return isinstance(custom, Mapping) and custom.get("gatehouse") == "conversation_ended"


def _download(custom: object) -> dict[str, str] | None:
    """The link in a custom message `{"gatehouse": "download", "ticket": …, "title": …}`."""
    if not isinstance(custom, Mapping) or custom.get("gatehouse") != "download":
        return None
    ticket = custom.get("ticket")
    if not isinstance(ticket, str):
        return None
    title = visible(custom.get("title") or "Download")
    return {"href": EXPORT_PATH + ticket, "title": title}

"""The conversation as the page shows it after a reload, read from the encrypted store.

Nothing of it is kept in the browser. Commands that the channel itself sent for a button or after a
code are shown as the words that the person saw.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rasa.shared.core.events import BotUttered, Event, UserUttered

from gatehouse.channel.buttons import Buttons
from gatehouse.channel.replies import buttons_of, visible
from gatehouse.tracker.transcript import DISPLAY, RESUMED

MOST_MESSAGES = 200


def messages_of(
    events: Iterable[Event],
    conversation_id: str,
    buttons: Buttons,
    most: int | None = MOST_MESSAGES,
) -> list[dict[str, Any]]:
    """The last `most` messages (None: all), oldest first: `from` (`person`, `bot`, `note`), `text`, `at`.

    The buttons of the last message are offered again if none of them was chosen.
    """
    shown: list[dict[str, Any]] = []
    last_titles: list[str] = []
    for event in events:
        if isinstance(event, UserUttered):
            shown.extend(_of_person(event))
            last_titles = []
        elif isinstance(event, BotUttered):
            if text := visible(event.text or ""):
                shown.append({"from": "bot", "text": text, "at": event.timestamp})
            last_titles = [button.title for button in buttons_of(event.data or {})]
    if shown and last_titles and shown[-1]["from"] == "bot":
        still_open = buttons.still_open(conversation_id, last_titles)
        if still_open:
            shown[-1]["buttons"] = still_open
    return shown if most is None else shown[-most:]


def _of_person(event: UserUttered) -> list[dict[str, Any]]:
    metadata = event.metadata or {}
    if metadata.get(RESUMED):
        return [{"from": "note", "text": "Confirmed with a code.", "at": event.timestamp}]
    text = visible(metadata.get(DISPLAY) or event.text or "")
    if not text or text.startswith("/"):
        return []
    return [{"from": "person", "text": text, "at": event.timestamp}]

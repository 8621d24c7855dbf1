"""Says clearly that a configured channel needs a package that is left out.

Written for Rasa 3.6.21, where `rasa.core.run._create_single_channel` makes each channel named in
`credentials.yml`. Most of them would start without their client library and fail at the first message.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from gatehouse_lean.absent import ABSENT
from gatehouse_lean.placeholder import is_placeholder

LIBRARIES = {
    "facebook": "fbmessenger",
    "hangouts": "google.auth",
    "rocketchat": "rocketchat_API",
    "slack": "slack_sdk",
    "socketio": "socketio",
    "telegram": "aiogram",
    "twilio": "twilio",
    "twilio_voice": "twilio",
    "webexteams": "webexteamssdk",
}


def adjust(run: ModuleType) -> None:
    """Check a channel's library before Rasa makes the channel."""
    original = run._create_single_channel

    @functools.wraps(original)
    def create_single_channel(channel: str, credentials: dict[str, Any]) -> Any:
        library = LIBRARIES.get(channel)
        if library is not None and _is_missing(library):
            raise run.RasaException(
                f"The channel '{channel}' in the credentials file needs a package that is not "
                f"installed here: pip install {ABSENT[library].requirement}"
            )
        return original(channel, credentials)

    run._create_single_channel = create_single_channel  # type: ignore[attr-defined]


def _is_missing(library: str) -> bool:
    try:
        __import__(library)
    except ImportError:
        return True
    return is_placeholder(library)

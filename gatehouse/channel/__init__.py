"""The web channel: the only door through which a message reaches Rasa.

Rasa finds it by the class path in `credentials.yml`. Names are resolved on first use, so that
importing a part of this package (the runtime needs `exports`) does not import Rasa and Sanic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatehouse.channel.web import WebChannel

__all__ = ["WebChannel"]


def __getattr__(name: str) -> Any:
    if name == "WebChannel":
        from gatehouse.channel.web import WebChannel

        return WebChannel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The states of a deployment as numbers, looked up when somebody asks for metrics.

Reads what each room says of itself. A room that does not answer leaves its numbers out, and its part
of `gatehouse_up` says so; the look itself never fails. No number names a person or a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from gatehouse.logs import get_logger, place_of
from gatehouse.metrics import Reading

log = get_logger(__name__)


def readings(parts: Any) -> Iterable[Reading]:
    """Every state of `parts`, a runtime."""
    for look in (_about, _policies):
        try:
            found = list(look(parts))
        except Exception as error:  # noqa: BLE001 - the other numbers matter all the more now
            log.debug("a state could not be read", error=place_of(error))
            continue
        yield from found


def _about(parts: Any) -> Iterator[Reading]:
    labels = {"version": version("gatehouse"), "profile": parts.settings.server.profile}
    yield "gatehouse_info", "What is running.", 1.0, labels


def _policies(parts: Any) -> Iterator[Reading]:
    revision = parts.policies.current().revision[:12]
    yield "gatehouse_policy_info", "The policies in force.", 1.0, {"revision": revision}

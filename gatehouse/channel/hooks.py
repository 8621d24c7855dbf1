"""Messages of other systems: verified, recorded, and acted on once.

No session and no page is involved; what proves the sender is the signature. What each kind may cause
is written here and nowhere else, and none of them can read or change a conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse, json

from gatehouse.channel.admission import Admission
from gatehouse.channel.body import read_raw
from gatehouse.channel.failures import ApiError
from gatehouse.channel.refusals import PAUSE
from gatehouse.channel.services import Services
from gatehouse.channel.shared_limits import Windows
from gatehouse.channel.throttles import admit
from gatehouse.stepup.leaving import let_go
from gatehouse.webhooks import Event, ReceiverBusy, ReceiverRefused
from gatehouse.webhooks.incoming import LARGEST, NotUnderstood

PER_MINUTE = 120  # messages of one address

Handler = Callable[[Services, Event], None]


class Hooks:
    """The endpoint for the systems that `webhooks.toml` names."""

    def __init__(self, services: Services, admission: Admission, windows: Windows) -> None:
        self._services = services
        self._admission = admission
        self._recorded: dict[tuple[str | None, str], float] = {}
        self._window = windows.window(PER_MINUTE, what="webhooks")

    async def receive(self, request: Request, name: str) -> HTTPResponse:
        """POST /hooks/<name>"""
        source = self._admission.source(request)
        await admit(self._services.audit, self._window, source)
        body = await read_raw(request, LARGEST)
        headers = {key: request.headers.get(key, "") for key in request.headers}
        try:
            acted = await asyncio.to_thread(self._take, name, headers, body, source)
        except NotUnderstood as error:
            await asyncio.to_thread(self._record_refusal, name, error.reason)
            raise ApiError(422, "not_understood", error.sentence) from error
        except ReceiverRefused as refused:
            await asyncio.to_thread(self._record_refusal, name, refused.reason)
            raise ApiError(401, "refused", "The message was not accepted.") from refused
        except ReceiverBusy as busy:
            raise ApiError(
                409, "busy", "The same message is being handled.", retry_after=60
            ) from busy
        return json({"handled": acted}, status=202)

    def _take(self, name: str, headers: Mapping[str, str], body: bytes, source: str) -> bool:
        return self._services.receiver.take(name, headers, body, source, self._handle)

    def _handle(self, event: Event) -> None:
        HANDLERS[event.kind](self._services, event)

    def _record_refusal(self, name: str, reason: str) -> None:
        """Record the refusal; of the same kind at most once a minute, so that a flood fills no disk."""
        known = name if self._services.receiver.knows(name) else None
        now, last = self._services.clock.now(), self._recorded.get((known, reason))
        if last is not None and 0 <= now - last < PAUSE:
            return
        self._recorded[known, reason] = now
        self._services.audit.append("webhook_refused", webhook=known, reason=reason)


def person_left(services: Services, event: Event) -> None:
    """Let a leaver go at once, as `gatehouse people leave` does.

    `data` is `{"username": …}`. A name that nobody has is refused, so that the sender notices.
    """
    username: Any = event.data.get("username")
    person = services.directory.by_username(username) if isinstance(username, str) else None
    if person is None:
        raise NotUnderstood("unknown person", "There is nobody with the `username` of `data`.")
    services.audit.append(
        "webhook_received", person=person.id, webhook=event.source, message=event.kind
    )
    let_go(services, person.id)


HANDLERS: Mapping[str, Handler] = {"person.left": person_left}

"""The time for a request counts from its first byte.

Sanic counts its timeouts from the last byte that came, so whoever sends one a second holds a connection
for as long as they like (slow headers, slow bodies; ASVS 5.0 V15.2.2). Here what comes while a request
is under way does not start its time again. What is sent does: an event stream stays open.
"""

from __future__ import annotations

import inspect

from sanic.http.constants import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from gatehouse.errors import NotReady

_NAME = "received_in_time"


def bound() -> None:
    """Make it so in this process; safe to call twice. Raises `NotReady` for another Sanic."""
    original = HttpProtocol.data_received
    if original.__name__ == _NAME:
        return
    if "self._time = current_time()" not in inspect.getsource(original):
        raise NotReady("this is not the Sanic that Gatehouse was written for (HttpProtocol)")

    def received_in_time(self: HttpProtocol, data: bytes) -> None:
        http = self.http
        # A body that nobody wanted is read to its end after the answer, in the stage IDLE.
        under_way = http is not None and (http.stage is not Stage.IDLE or http.request_body)
        begun = self._time
        original(self, data)
        if under_way:
            self._time = begun

    HttpProtocol.data_received = received_in_time

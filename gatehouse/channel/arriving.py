"""Requests that are still arriving, counted per source, so that slow ones cannot fill the server.

Whoever opens many connections and sends each request a byte at a time holds a place with each for as
long as the time limits allow (slow headers, slow bodies). A request of a browser arrives within a
moment, so only a few of one source ever wait; who has more waiting gets no further place. Configured
proxies are left out: they collect requests themselves and stand for everybody behind them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from sanic.request import Request

from gatehouse import metrics
from gatehouse.channel.admission import Admission
from gatehouse.channel.failures import ApiError

# Requests of one source that may be arriving at the same time. A browser may open a connection that
# it uses later, and an office may have one address.
MOST = 200


class Arriving:
    """The requests of one process. Used from one event loop only.

    The connection of each is known by its `conn_info`, which lives as long as the connection.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._waiting: Counter[str] = Counter()

    async def opened(self, conn_info: Any) -> None:
        """A connection begins, and with it the head of a request; cancels its task when there are
        too many, which closes it without an answer."""
        if not self._begin(conn_info):
            raise asyncio.CancelledError

    def head_read(self, request: Request) -> None:
        """The head is complete; raises `ApiError` 503 when a body is still to come and too many are."""
        conn_info: Any = request.conn_info
        if conn_info is None:
            return  # Sanic's stand-in for a head that could not be read; its connection ends
        self._end(conn_info)
        stream = request.stream
        if stream is None or not stream.request_body:
            return
        if not self._begin(conn_info):
            stream.keep_alive = False
            raise ApiError(503, "busy", "Too much is arriving from your address.", retry_after=5)
        request.ctx.arrived = lambda: self._end(conn_info)

    async def closed(self, conn_info: Any) -> None:
        """The connection is gone, however far its request came."""
        self._end(conn_info)

    def _begin(self, conn_info: Any) -> bool:
        source = str(conn_info.client_ip or "")
        if self._admission.is_proxy(source):
            return True
        if self._waiting[source] >= MOST:
            metrics.THROTTLED.add(what="arriving")
            return False
        self._waiting[source] += 1
        conn_info.ctx.arriving = source
        return True

    def _end(self, conn_info: Any) -> None:
        source = getattr(conn_info.ctx, "arriving", None)
        if source is None:
            return
        conn_info.ctx.arriving = None
        self._waiting[source] -= 1
        if self._waiting[source] <= 0:
            del self._waiting[source]

"""How a request and a serving process are observed: ids, times, states, health.

Here the request id begins and the answer gets it. Nothing about the request but its route, status
and time is kept: no address, no agent, no query, no person.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import ExitStack
from functools import partial

from sanic import Sanic
from sanic.request import Request
from sanic.response import BaseHTTPResponse

from gatehouse import metrics, request_id
from gatehouse.channel.listener import Listener
from gatehouse.channel.services import Services
from gatehouse.health import Readiness
from gatehouse.logs import get_logger
from gatehouse.readings import readings

HEADER = "X-Request-Id"
LAG_EVERY = 0.5  # seconds

log = get_logger(__name__)


def begun(request: Request) -> None:
    """A request came in: everything from here on is done for it."""
    request_id.begin()
    request.ctx.begun = time.perf_counter()


def answered(request: Request, response: BaseHTTPResponse) -> None:
    """`response` is about to be sent."""
    begun_at = getattr(request.ctx, "begun", None)
    if begun_at is None:
        return
    seconds = time.perf_counter() - begun_at
    endpoint = request.route.name.rpartition(".")[2] if request.route else metrics.OTHER
    metrics.REQUESTS.add(status=str(response.status // 100))
    metrics.REQUEST_SECONDS.observe(seconds, endpoint=endpoint)
    log.debug("answered", endpoint=endpoint, status=response.status, seconds=seconds)


def mark(response: BaseHTTPResponse) -> None:
    """Give `response` the id of its request, for a person to quote."""
    made = request_id.current()
    if made is not None:
        response.headers[HEADER] = made


def start(app: Sanic, services: Services, readiness: Readiness) -> None:
    """Begin to look at the parts, and to show what is seen where the settings say."""
    stack = app.ctx.observing = ExitStack()
    stack.callback(readiness.close)
    readiness.start()
    stack.enter_context(metrics.reading(readiness.readings))
    stack.enter_context(metrics.reading(partial(readings, services)))
    if services.settings.metrics.port:
        stack.callback(Listener(readiness, services.settings.metrics.port).close)
    task = asyncio.get_running_loop().create_task(_measure_lag())
    stack.callback(task.cancel)


def stop(app: Sanic) -> None:
    """End it; load balancers are told first."""
    with contextlib.suppress(AttributeError):
        app.ctx.observing.close()


async def _measure_lag() -> None:
    """How late the event loop is: a database call or a computation on it delays everybody."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(LAG_EVERY)
        metrics.LOOP_LAG.observe(max(0.0, time.perf_counter() - started - LAG_EVERY))

"""The event loop on which Rasa works, in a thread of its own.

Rasa understands, predicts and lets policies decide in ordinary calls, and the authorization policy waits for
its audit entry in one of them. On the server's own loop each of these would hold up everybody's pages,
sign-ins and event streams: for the fraction of a second that a long message takes to understand, and for as
long as the database of the log lets it wait. Turns still take turns on it, as Rasa's parts expect.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")


class TurnLoop:
    """One loop for all turns of a process. Made and used on another loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="turns", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """What `work()` gives or raises there, under the context variables of the caller.

        Whoever is cancelled here hears of it when `work` was cancelled as well and has come to its end, so that
        what comes next in a conversation finds it alone.
        """
        outcome: Future[_T] = Future()
        task: list[asyncio.Task[None]] = []

        async def worked() -> None:
            try:
                outcome.set_result(await work())
            except BaseException as error:  # noqa: BLE001 - it is the caller's, whatever it is
                outcome.set_exception(error)

        self._loop.call_soon_threadsafe(lambda: task.append(self._loop.create_task(worked())))
        told = asyncio.wrap_future(outcome)
        try:
            return await asyncio.shield(told)
        except asyncio.CancelledError:
            if not told.done():
                self._loop.call_soon_threadsafe(lambda: task[0].cancel())
                await _end_of(told)
            raise

    async def aclose(self) -> None:
        """End the loop; nothing may be under way or be given to it afterwards."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _end_of(told: asyncio.Future[Any]) -> None:
    while not told.done():
        try:
            await asyncio.wait([told])
        except asyncio.CancelledError:  # said a second time
            continue
    if not told.cancelled():
        told.exception()  # nobody else looks at it

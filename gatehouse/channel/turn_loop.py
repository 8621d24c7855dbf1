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

LONGEST_END = 30.0  # seconds

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
        task: list[asyncio.Task[_T]] = []

        async def worked() -> _T:
            return await work()

        def begin() -> None:
            task.append(self._loop.create_task(worked()))
            # Not in `worked`: a task that is cancelled before its first step runs nothing of it.
            task[0].add_done_callback(lambda done: _hand_over(done, outcome))

        self._loop.call_soon_threadsafe(begin)
        told = asyncio.wrap_future(outcome)
        try:
            return await asyncio.shield(told)
        except asyncio.CancelledError:
            if not told.done():
                self._loop.call_soon_threadsafe(lambda: task[0].cancel())
                await _end_of(told)
            raise

    async def aclose(self) -> None:
        """End the loop; nothing may be given to it afterwards.

        What blocks longer than any turn may take is left to the end of the process.
        """
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, LONGEST_END)
        if not self._thread.is_alive():
            self._loop.close()


def _hand_over(done: asyncio.Task[_T], outcome: Future[_T]) -> None:
    error = asyncio.CancelledError() if done.cancelled() else done.exception()
    if error is None:
        outcome.set_result(done.result())
    else:
        outcome.set_exception(error)


async def _end_of(told: asyncio.Future[Any]) -> None:
    while not told.done():
        try:
            await asyncio.wait([told])
        except asyncio.CancelledError:  # said a second time
            continue
    if not told.cancelled():
        told.exception()  # nobody else looks at it

"""Waits for other systems that take a code to a person, in threads of its own.

A mail server that hangs may keep these few threads busy, never those in which requests are answered;
who comes when all are busy is told so at once.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from gatehouse.channel.failures import ApiError
from gatehouse.stepup.refusals import NotSent

AT_ONCE: Final = 4
MOST_WAITING: Final = 16

_T = TypeVar("_T")


class Sending:
    """The threads of one deployment. Used from one event loop only."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sending")
        self._waiting = 0

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns; raises `ApiError` 429 or 503 where it raises `NotSent`."""
        if self._waiting >= MOST_WAITING:
            raise _answer(NotSent("busy"))
        self._waiting += 1
        context = contextvars.copy_context()  # the id of the request
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, partial(context.run, work))
        except NotSent as refusal:
            raise _answer(refusal) from refusal
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Begin nothing more; what is under way ends by itself, within seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _answer(refusal: NotSent) -> ApiError:
    if refusal.reason in ("too_soon", "too_many_sent"):
        return ApiError(
            429, refusal.reason, refusal.message, retry_after=max(1, int(refusal.retry_after))
        )
    if refusal.reason == "unknown":
        return ApiError(404, "not_found", refusal.message)
    return ApiError(503, "not_sent", refusal.message)

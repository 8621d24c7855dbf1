"""The loop for turns: outcomes, cancellation, and that it holds nobody else up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gatehouse import request_id
from gatehouse.channel.turn_loop import TurnLoop
from tests.patience import PATIENCE, until
from tests.unit.channel.harness import Site, say


def with_loop(use: Callable[[TurnLoop], Awaitable[Any]]) -> Any:
    async def used() -> Any:
        loop = TurnLoop()
        try:
            return await use(loop)
        finally:
            await loop.aclose()

    return asyncio.run(used())


def test_what_comes_of_it_is_the_callers() -> None:
    """A result, an exception and the id of the request pass between the threads."""

    async def there() -> tuple[str, str]:
        await asyncio.sleep(0)
        return threading.current_thread().name, request_id.current()

    async def fails() -> None:
        raise KeyError("mine")

    async def use(loop: TurnLoop) -> tuple[str, str]:
        with pytest.raises(KeyError, match="mine"):
            await loop.run(fails)
        with request_id.continued("0123456789abcdef"):
            return await loop.run(there)

    assert ("turns", "0123456789abcdef") == with_loop(use)


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_a_cancelled_caller_hears_of_it_when_the_work_has_ended(again: bool) -> None:
    """Also when it blocks at that moment: nothing of a turn goes on beside the next one."""
    steps: list[str] = []
    blocked, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            blocked.set()
            assert go_on.wait(PATIENCE)
            await asyncio.sleep(PATIENCE)
        finally:
            steps.append("the work ended")

    async def use(loop: TurnLoop) -> None:
        caller = asyncio.create_task(loop.run(work))
        await asyncio.to_thread(blocked.wait)
        for _ in range(1 + again):
            caller.cancel()
            await asyncio.sleep(0)
        assert not caller.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        steps.append("the caller heard of it")

    with_loop(use)
    assert ["the work ended", "the caller heard of it"] == steps


def test_what_is_cancelled_before_it_began_never_begins() -> None:
    """Its caller hears of it too, once the loop comes to it."""
    blocked, go_on, began = threading.Event(), threading.Event(), threading.Event()

    async def first() -> None:
        blocked.set()
        assert go_on.wait(PATIENCE)

    async def second() -> None:
        began.set()

    async def use(loop: TurnLoop) -> None:
        before = asyncio.create_task(loop.run(first))
        await asyncio.to_thread(blocked.wait)
        caller = asyncio.create_task(loop.run(second))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await before

    with_loop(use)
    assert not began.is_set()


def test_a_turn_that_blocks_holds_up_no_page(site: Site) -> None:
    """While the rules wait for their audit entry, pages and sign-ins of others are answered."""
    client, other = site.signed_in(), site.client()
    blocked, go_on = threading.Event(), threading.Event()

    def waits(_message: object) -> list[dict[str, str]]:
        blocked.set()
        assert go_on.wait(PATIENCE)
        return [{"text": "Recorded."}]

    site.agent.script = waits
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(say, client, "what is my salary", "message-1")
        try:
            assert blocked.wait(PATIENCE)
            assert 200 == other.get("/chat").status_code
            assert 200 == client.get("/api/v1/session").status_code
            assert not answer.done()
        finally:
            go_on.set()
        assert "Recorded." == answer.result(PATIENCE).json()["messages"][0]["text"]


def test_a_stop_ends_the_thread(tmp_path: Any) -> None:
    """Once the last turn is answered."""
    with Site(tmp_path) as site:
        assert 200 == say(site.signed_in(), "hello").status_code
        assert "turns" in {thread.name for thread in threading.enumerate()}
    until(lambda: "turns" not in {thread.name for thread in threading.enumerate()})

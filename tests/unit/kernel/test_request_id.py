"""The id of a request goes wherever its work goes, and nobody outside chooses it."""

from __future__ import annotations

import asyncio

import pytest

from gatehouse import request_id


def test_requests_at_once_keep_apart() -> None:
    """Tasks and threads of one request see its id and no other's."""

    async def request() -> tuple[str, str | None, str | None]:
        made = request_id.begin()
        await asyncio.sleep(0)
        inner = await asyncio.create_task(asyncio.to_thread(request_id.current))
        return made, inner, request_id.current()

    async def both() -> list[tuple[str, str | None, str | None]]:
        return await asyncio.gather(request(), request())

    seen = asyncio.run(both())
    assert all(made == inner == after for made, inner, after in seen)
    assert 2 == len({made for made, *_ in seen})


@pytest.mark.parametrize("given", [None, 7, "", "x" * 16, "0123456789ABCDEF", "0" * 17, "a\n" * 8])
def test_only_what_looks_like_one_is_continued(given: object) -> None:
    """Metadata of a message may hold anything; a log line must not."""
    with request_id.continued(given):
        assert request_id.current() is None


def test_it_is_continued_for_as_long_as_the_work() -> None:
    """A separate action server takes the id over for one call."""
    with request_id.continued("0123456789abcdef"):
        assert "0123456789abcdef" == request_id.current()
    assert request_id.current() is None

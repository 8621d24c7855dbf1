"""Server-sent events: what happened, for the open pages of a session, and not a word of it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatehouse.channel import event_stream
from gatehouse.channel.streams import KEPT, MOST_STREAMS, StreamOver, Streams, TooManyStreams
from tests.patience import PATIENCE, until
from tests.unit.channel.harness import Site, say


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(event_stream, "PAUSE", 0.05)
    with Site(tmp_path) as site:
        yield site


class Page:
    """An open stream, read in a thread until it ends or is closed."""

    def __init__(self, client: httpx.Client, last_id: str = "") -> None:
        self.events: list[tuple[str, str, str]] = []
        self.status = 0
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._thread = threading.Thread(
            target=self._read, args=(client, {"Last-Event-ID": last_id} if last_id else {})
        )
        self.over = False
        self._leave = False
        self._thread.start()
        assert self._open.wait(PATIENCE)

    def _read(self, client: httpx.Client, headers: dict[str, str]) -> None:
        with client.stream("GET", "/api/v1/events", headers=headers) as answer:
            self.status, self.headers = answer.status_code, answer.headers
            self._open.set()
            found: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._leave:
                    return
                name, _, value = line.partition(": ")
                if line:
                    found[name] = value
                    continue
                with self._changed:
                    if "event" in found:
                        self.events.append(
                            (found["event"], found.get("data", ""), found.get("id", ""))
                        )
                    self._changed.notify_all()
                found = {}
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def wait(self, name: str) -> tuple[str, str, str]:
        """The first event called `name`."""
        with self._changed:
            assert self._changed.wait_for(lambda: name in [one[0] for one in self.events], PATIENCE)
            return next(one for one in self.events if one[0] == name)

    def wait_over(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.over, PATIENCE)

    def leave(self) -> list[tuple[str, str, str]]:
        self._leave = True
        self._thread.join(PATIENCE)
        return self.events


def test_another_tab_hears_of_a_turn_and_nothing_of_what_was_said(site: Site) -> None:
    """Typing and answered, with the id of the message; no word of either side."""
    client = site.signed_in()
    page = Page(client)
    say(client, "my secret words", "message-0001")
    assert '{"id": "message-0001"}' == page.wait("typing")[1] == page.wait("turn")[1]
    assert "secret" not in str(page.leave())
    assert page.headers["content-type"].startswith("text/event-stream")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_page_that_comes_back_gets_what_it_missed(site: Site) -> None:
    """With `Last-Event-ID` the stream goes on where it was cut; an unknown id is told to start over."""
    client = site.signed_in()
    page = Page(client)
    say(client, "one", "message-0001")
    last = page.wait("turn")[2]
    page.leave()
    say(client, "two", "message-0002")
    back = Page(client, last)
    assert '{"id": "message-0002"}' == back.wait("turn")[1]
    assert "message-0001" not in str(back.leave())
    lost = Page(client, "00000000-1")
    lost.wait("reset")
    lost.leave()


def test_a_stream_ends_with_its_session(site: Site) -> None:
    """Signing out in one tab ends the streams of all of them, with the reason."""
    client = site.signed_in()
    page = Page(client)
    assert 204 == client.delete("/api/v1/session").status_code
    assert '{"reason": "signed_out"}' == page.wait("ended")[1]
    page.wait_over()


def test_a_disabled_account_and_an_idle_session_end_it_too(site: Site) -> None:
    """Watching does not keep a session alive; an end by the operator arrives without a click."""
    page = Page(site.signed_in())
    site.directory.disable(site.person.id)
    page.wait("ended")
    page.wait_over()
    site.directory.enable(site.person.id)
    page = Page(site.signed_in())
    site.clock.advance(14 * 60)
    assert '{"expires_in": 60, "expires_by": "idle"}' == page.wait("expiring")[1]
    site.clock.advance(61)
    assert "idle" in page.wait("ended")[1]
    page.wait_over()


def test_strangers_and_other_sites_get_no_stream(site: Site) -> None:
    """401 without a session, 403 from another site, each with every header."""
    assert 401 == site.client().get("/api/v1/events").status_code
    client = site.signed_in()
    refused = client.get("/api/v1/events", headers={"Sec-Fetch-Site": "cross-site"})
    assert 403 == refused.status_code
    assert "default-src 'none'" in refused.headers["content-security-policy"]


def test_a_session_has_few_streams(site: Site) -> None:
    """More open windows than a person has are refused; a closed one makes room."""
    client = site.signed_in()
    pages = [Page(client) for _ in range(MOST_STREAMS)]
    assert 429 == client.get("/api/v1/events").status_code
    for page in pages:
        page.leave()
    numbers = itertools.count()

    def there_is_room() -> bool:
        say(
            client, "hello", f"message-{next(numbers):04}"
        )  # the server notices who is gone when it sends
        again = Page(client)
        again.leave()
        return again.status == 200

    until(there_is_room)


def test_a_session_keeps_a_bounded_past() -> None:
    """What nobody reads is forgotten, oldest first, and a reader of it is told to start over."""

    async def use() -> None:
        streams = Streams()
        streams.publish("s", "turn", id="first")
        reader = streams.open("s", "")
        reader.close()
        for number in range(KEPT + 1):
            streams.publish("s", "turn", id=str(number))
        first = streams._sessions["s"].events[0]
        assert "0" != first.facts["id"]
        late = streams.open("s", f"{streams._boot}-1")
        event = await late.next(0.1)
        assert event is not None and "reset" == event.name
        late.close()
        streams.close()
        with pytest.raises(TooManyStreams):
            streams.open("s", "")

    asyncio.run(use())


def test_closing_ends_every_reader() -> None:
    """A reader that waits is let go."""

    async def use() -> None:
        streams = Streams()
        reader = streams.open("s", "")
        streams.close()
        with pytest.raises(StreamOver):
            await reader.next(1)

    asyncio.run(use())

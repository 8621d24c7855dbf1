"""What happened in a conversation: counted, sealed, tied to its key, and unknown when it was touched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import IntegrityError, Unavailable
from gatehouse.state import RECENT, ConversationState, Facts
from gatehouse.state.schema import metadata, states

NOBODY = Facts(None, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each of the supported databases in turn, with an empty table."""
    if request.param == "sqlite":
        opened = open_engine(f"sqlite:///{tmp_path / 'state.db'}")
    else:
        opened = open_engine(request.getfixturevalue("postgres_url"))
        metadata.drop_all(opened)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


class Desk:
    """Two conversations with keys, and what is recorded."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = SettableClock()
        self.keys: dict[str, bytes] = {"one": b"1" * 32, "two": b"2" * 32}
        self.recorded: list[tuple[str, str]] = []

    def append(self, kind: str, *, conversation: str | None = None, reason: str) -> int:
        self.recorded.append((kind, reason))
        return 1

    def open(self) -> ConversationState:
        return ConversationState(self.engine, self.keys.get, self.clock, self)

    def row(self) -> Any:
        with self.engine.begin() as connection:
            return connection.execute(sa.select(states)).one()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def test_nothing_happened_yet(desk: Desk) -> None:
    """A conversation without a row has no refusals and nothing served: that is known."""
    assert Facts(0, frozenset()) == desk.open().facts("one")


def test_every_conversation_has_its_own(desk: Desk) -> None:
    """Refusals are counted and requests remembered, apart, also by another process."""
    state = desk.open()
    state.refused("one")
    state.refused("one")
    state.served("one", "view_pay")
    state.served("one", "view_pay")
    state.served("one", "greet")
    state.served("two", "greet")
    other = desk.open()
    assert Facts(2, frozenset({"view_pay", "greet"})) == other.facts("one")
    assert Facts(0, frozenset({"greet"})) == other.facts("two")


def test_only_recent_refusals_count(desk: Desk) -> None:
    """After an hour a refusal is forgotten; a clock that goes back revives none."""
    state = desk.open()
    state.refused("one")
    desk.clock.advance(RECENT - 1)
    state.refused("one")
    assert 2 == state.facts("one").refusals
    desk.clock.advance(1)
    assert 1 == state.facts("one").refusals
    desk.clock.advance(RECENT)
    assert 0 == state.facts("one").refusals


def test_a_conversation_without_a_key_has_no_state(desk: Desk) -> None:
    """Ended or never begun: nothing is known, nothing is kept, nothing fails."""
    state = desk.open()
    state.refused("gone")
    state.served("gone", "greet")
    assert NOBODY == state.facts("gone")
    with desk.engine.begin() as connection:
        assert [] == connection.execute(sa.select(states)).all()


def test_it_ends_with_the_key(desk: Desk) -> None:
    """Once the key is gone, the row says neither whose it was nor what happened."""
    state = desk.open()
    state.served("one", "view_pay")
    row = desk.row()
    for secret in (b"one", b"view_pay", desk.keys["one"]):
        assert secret not in row.sealed
        assert secret not in row.tag.encode()
    desk.keys["one"] = b"3" * 32
    assert Facts(0, frozenset()) == desk.open().facts("one")


@pytest.mark.parametrize("what", ["flipped", "empty", "exchanged"])
def test_an_altered_state_is_not_known(desk: Desk, what: str) -> None:
    """A flipped bit, an emptied row or that of another conversation: unknown, recorded, not mended."""
    state = desk.open()
    state.served("one", "view_pay")
    sealed = bytearray(desk.row().sealed)
    if what == "exchanged":
        desk.keys["one"], desk.keys["three"] = b"4" * 32, desk.keys["one"]
        state.served("one", "greet")
        with desk.engine.begin() as connection:
            both = connection.execute(sa.select(states.c.tag, states.c.sealed)).all()
            for mine, other in ((both[0], both[1]), (both[1], both[0])):
                connection.execute(
                    states.update().where(states.c.tag == mine.tag).values(sealed=other.sealed)
                )
    else:
        sealed[40] ^= 1
        content = bytes(sealed) if what == "flipped" else b""
        with desk.engine.begin() as connection:
            connection.execute(states.update().values(sealed=content))
    assert NOBODY == desk.open().facts("one")
    assert ("tamper", "state_altered") in desk.recorded
    with pytest.raises(IntegrityError):
        desk.open().refused("one")


def test_changes_of_two_processes_are_both_kept(desk: Desk) -> None:
    """Refusals counted at the same time are all counted, also the first ones."""
    states_ = [desk.open() for _ in range(4)]
    failed: list[Exception] = []

    def count(state: ConversationState) -> None:
        try:
            for _ in range(5):
                state.refused("one")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)

    threads = [threading.Thread(target=count, args=(state,)) for state in states_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([], 20) == (failed, desk.open().facts("one").refusals)


def test_a_database_that_is_away_stops_the_request(desk: Desk) -> None:
    """What cannot be read or written raises, so that nothing is carried out without it."""
    with desk.engine.begin() as connection:
        states.drop(connection)
    state = desk.open()
    for work in (
        lambda: state.facts("one"),
        lambda: state.refused("one"),
        lambda: state.served("one", "greet"),
    ):
        with pytest.raises(Unavailable):
            work()
    metadata.create_all(desk.engine)
    state.served("one", "greet")
    assert frozenset({"greet"}) == state.facts("one").served


def test_a_new_key_takes_the_state_along(desk: Desk) -> None:
    """Re-sealing a conversation keeps what happened in it."""
    state = desk.open()
    state.refused("one")
    old, new = desk.keys["one"], b"9" * 32
    with desk.engine.begin() as connection:
        state.rekey(connection, old, new)
        state.rekey(connection, b"7" * 32, b"8" * 32)
    desk.keys["one"] = new
    assert 1 == desk.open().facts("one").refusals


def test_old_rows_are_deleted(desk: Desk) -> None:
    """The purge deletes what did not change for the time it is given."""
    state = desk.open()
    state.refused("one")
    desk.clock.advance(100)
    state.refused("two")
    assert 1 == state.purge(99)
    assert (0, 1) == (state.facts("one").refusals, state.facts("two").refusals)

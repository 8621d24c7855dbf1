"""Who an entry is about, as long as somebody may still know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatehouse.audit import AuditLog, AuditUnavailable, RingPseudonyms, ring_names, verify
from gatehouse.audit.pseudonyms import PERIOD
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import GatehouseError
from gatehouse.keys import KeyRing
from tests.unit.audit.conftest import KEY

LIFETIME = 400 * 86_400
TTL = 86_400


class Desk:
    """A log whose pseudonyms are under keys of a ring, and a copy of that ring from long ago."""

    def __init__(self, directory: Path) -> None:
        self.clock = SettableClock()
        self.ring = KeyRing.initialise(directory / "keys", self.clock)
        self.names = RingPseudonyms(self.ring, self.clock, LIFETIME, TTL)
        engine = open_engine(f"sqlite:///{directory / 'audit.db'}")
        self.log = AuditLog(engine, self.clock, KEY, self.names)
        self.log.create()

    def names_in_log(self, field: str) -> list[str | None]:
        return [json.loads(entry.body).get(field) for entry in self.log.entries()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_entries_are_found_by_who_has_the_identity(desk: Desk) -> None:
    """The same person has one name within a quarter, another one in the next, and all are found."""
    desk.log.append("sign_in", person="p-1", conversation="c-1")
    desk.log.append("sign_out", person="p-1")
    desk.clock.advance(PERIOD)
    desk.log.append("sign_in", person="p-1")
    first, second, third = desk.names_in_log("person")
    assert first == second != third
    assert [third, first] == desk.log.pseudonyms("person", "p-1")
    assert [] == desk.log.pseudonyms("person", "p-2")


def test_erasure_ends_the_names_and_not_the_entries(desk: Desk, tmp_path: Path) -> None:
    """After erasure nobody can tell who an entry is about, a copy of the ring included; it verifies."""
    desk.log.append("sign_in", person="p-1", conversation="c-1")
    (old_person,), (old_conversation,) = (
        desk.names_in_log("person"),
        desk.names_in_log("conversation"),
    )
    copy = tmp_path / "ring-of-before.db"
    desk.ring.copy_to(copy)
    assert 2 == desk.ring.destroy(ring_names(people=["p-1"], conversations=["c-1"]))
    assert [] == desk.log.pseudonyms("person", "p-1")
    assert [] == desk.log.pseudonyms("conversation", "c-1")
    assert desk.log.pseudonym("person", "p-1") != old_person
    assert desk.log.pseudonym("conversation", "c-1") != old_conversation
    assert 1 == verify(desk.log).entries
    desk.ring.close()
    (tmp_path / "keys" / "ring.db").write_bytes(copy.read_bytes())
    for left in ("ring.db-wal", "ring.db-shm"):
        (tmp_path / "keys" / left).unlink(missing_ok=True)
    with pytest.raises(GatehouseError):
        KeyRing.open(tmp_path / "keys", desk.clock)


def test_names_of_a_person_end_with_their_period(desk: Desk) -> None:
    """After the lifetime and at most two quarters more, a purge ends the old names for good."""
    desk.log.append("sign_in", person="p-1")
    (first,) = desk.names_in_log("person")
    desk.clock.advance(LIFETIME)
    assert 0 == desk.names.expire()
    assert first in desk.log.pseudonyms("person", "p-1")
    desk.clock.advance(2 * PERIOD)
    assert 1 == desk.names.expire()
    assert [] == desk.log.pseudonyms("person", "p-1")
    assert 0 == desk.names.expire()


def test_names_of_a_conversation_end_with_it(desk: Desk) -> None:
    """A conversation keeps its name while it lives on, and loses it no later than it expires."""
    for _ in range(5):
        desk.log.append("decision", conversation="c-1")
        desk.clock.advance(TTL * 0.6)
    assert 1 == len(set(desk.names_in_log("conversation")))
    desk.clock.advance(TTL * 0.4)
    assert [] == desk.log.pseudonyms("conversation", "c-1")


def test_without_the_ring_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    """When a name cannot be computed there is no entry, hence no action."""
    desk.ring.close()
    (tmp_path / "keys" / "ring.db").unlink()
    with pytest.raises(AuditUnavailable):
        desk.log.append("sign_in", person="p-1")
    assert [] == list(desk.log.entries())

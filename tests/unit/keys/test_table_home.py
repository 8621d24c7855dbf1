"""The ring in PostgreSQL: several hosts, one writer at a time, and what a restored database means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import GatehouseError
from gatehouse.keys import (
    AlreadyInitialised,
    KeyRing,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)
from gatehouse.keys.homes import TableHome
from tests.unit.keys.remote import RemoteRoot

DAY = 86_400


class Hosts:
    """One database and one key service; each `host` is a process of its own as far as it knows."""

    def __init__(self, url: str, clock: SettableClock) -> None:
        self.url = url
        self.clock = clock
        self.remote = RemoteRoot()
        self._opened: list[KeyRing] = []

    def home(self) -> TableHome:
        return TableHome(open_engine(self.url))

    def host(self) -> KeyRing:
        ring = KeyRing(self.home().shelf(self.remote), self.remote, self.clock)
        self._opened.append(ring)
        ring.settle()
        return ring

    def execute(self, statement: str) -> None:
        connection = psycopg2.connect(self.url.replace("+psycopg2", ""))
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def close(self) -> None:
        for ring in self._opened:
            ring.close()


@pytest.fixture
def hosts(postgres_url: str, clock: SettableClock) -> Iterator[Hosts]:
    hosts = Hosts(postgres_url, clock)
    home = hosts.home()
    home.make(hosts.remote, clock.now())
    home._shelf.close()
    yield hosts
    hosts.close()


def test_hosts_see_each_other_at_once(hosts: Hosts, clock: SettableClock) -> None:
    """What one host writes, extends, holds or destroys, the other sees."""
    one, two = hosts.host(), hosts.host()
    key = one.data_key("a", clock.now() + 60)
    assert two.find("a") == (key, clock.now() + 60)
    two.advance("a", clock.now() + 2 * DAY, 7)
    assert one.lookup("a").position == 7  # type: ignore[union-attr]
    two.hold("a", "h")
    assert one.destroy(["a"]) == 1
    assert two.find("a") is None
    assert one.held("h") is not None
    assert two.release(["h"]) == 1
    assert one.service_key("x") == two.service_key("x")
    clock.advance(4 * DAY)
    assert one.drop_expired() == 0
    assert one.check() == two.check()
    assert len(hosts.remote.keys) == 1


def test_hosts_at_once_lose_no_key(hosts: Hosts, clock: SettableClock) -> None:
    """Two hosts that make, destroy and rotate at the same time end in one consistent ring."""
    rings = [hosts.host(), hosts.host()]

    def work(number: int) -> None:
        mine, other = rings[number % 2], rings[(number + 1) % 2]
        for turn in range(4):
            name = f"{number} {turn}"
            key = mine.data_key(name, clock.now() + 60)
            assert other.find(name) == (key, clock.now() + 60)
            if turn % 2:
                assert mine.destroy([name]) == 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    left = {f"{n} {t}" for n in range(4) for t in range(4) if rings[0].find(f"{n} {t}")}
    assert left == {f"{n} {t}" for n in range(4) for t in (0, 2)}
    rings[0]._keeper._list_roots = True
    rings[0].settle()
    assert len(hosts.remote.keys) == 1


def test_two_hosts_that_start_at_once_make_one_ring(
    postgres_url: str, clock: SettableClock
) -> None:
    """One makes the ring, the others are told, and one root is left."""
    hosts = Hosts(postgres_url, clock)
    outcomes: list[str] = []

    def work() -> None:
        home = hosts.home()
        try:
            home.make(hosts.remote, clock.now())
            outcomes.append("made")
        except (AlreadyInitialised, KeyRingDamaged):
            outcomes.append("told")
        finally:
            home._shelf.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "told", "told"]
    assert hosts.host().generation == 1
    assert len(hosts.remote.keys) == 1
    hosts.close()


def test_a_making_that_was_cut_off_is_finished(postgres_url: str, clock: SettableClock) -> None:
    """Cut off between root and ring: the next attempt ends the stray root and no other."""
    hosts = Hosts(postgres_url, clock)

    def cut(verb: str) -> None:
        if verb == "wrap":
            hosts.remote.before = lambda _verb: None
            raise KeyRingUnavailable("cut off")

    hosts.remote.before = cut
    home = hosts.home()
    with pytest.raises(KeyRingUnavailable):
        home.make(hosts.remote, clock.now())
    assert len(hosts.remote.keys) == 1
    assert not home.is_made()
    home.make(hosts.remote, clock.now())
    home._shelf.close()
    assert hosts.host().check().roots_left == 0
    assert len(hosts.remote.keys) == 1
    hosts.close()


def test_without_tables_nothing_opens(postgres_url: str, clock: SettableClock) -> None:
    """Opening makes nothing; the error says what to run."""
    hosts = Hosts(postgres_url, clock)
    home = hosts.home()
    with pytest.raises(KeyRingNotReady) as caught:
        home.shelf(hosts.remote)
    assert "gatehouse init" in caught.value.diagnostics()
    home._shelf.close()


def test_a_restored_database_does_not_open_and_the_mirror_does(
    hosts: Hosts, clock: SettableClock, tmp_path: Path
) -> None:
    """After the database was put back, its ring is an old copy; the present one is put in again."""
    ring = hosts.host()
    key = ring.data_key("a", clock.now() + 60)
    ring.data_key("b", clock.now() + 60)
    ring.copy_to(tmp_path / "backup.db")
    ring.destroy(["b"])
    ring.copy_to(tmp_path / "mirror.db")
    ring.close()
    home = hosts.home()
    home.put(tmp_path / "backup.db")
    with pytest.raises(RootMissing):
        hosts.host()
    home.put(tmp_path / "mirror.db")
    home._shelf.close()
    again = hosts.host()
    assert again.find("a") == (key, clock.now() + 60)
    assert again.find("b") is None


@pytest.mark.parametrize("table", ["ring", "buckets", "pages"])
def test_altered_rows_are_refused(hosts: Hosts, clock: SettableClock, table: str) -> None:
    """Whoever owns the database cannot change a node unnoticed."""
    hosts.host().data_key("a", clock.now() + 60)
    hosts.execute(f"UPDATE gh_ring_{table} SET node = set_byte(node, 70, get_byte(node, 70) # 1)")
    with pytest.raises(KeyRingDamaged):
        hosts.host().find("a")


def test_errors_of_the_database_are_gatehouse_errors(hosts: Hosts, clock: SettableClock) -> None:
    """A lost connection is unavailable and mended by the next call; lost tables are not ready."""
    ring = hosts.host()
    ring.data_key("a", clock.now() + 60)
    hosts.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND usename = current_user AND query LIKE '%gh_ring%'"
    )
    try:
        ring.find("a")
    except GatehouseError as error:
        assert isinstance(error, KeyRingUnavailable)
    assert ring.find("a") is not None
    hosts.execute("ALTER TABLE gh_ring_pages RENAME TO gh_ring_away")
    with pytest.raises(KeyRingNotReady):
        ring.find("a")

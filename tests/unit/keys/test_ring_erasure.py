"""Erasure: what an attacker with every old copy of the ring and the living root can open."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.errors import GatehouseError
from gatehouse.keys import KeyRing, KeyRingDamaged, KeyRingUnavailable, RootMissing
from gatehouse.keys.file_shelf import FileShelf
from gatehouse.keys.nodes import Bucket, Entry, Top, digest_of, expiry_day, shard_of
from gatehouse.keys.roots import FileRoot
from gatehouse.keys.tree import Known, Tree

DAY = 86_400


def _restored(directory: Path, copy: Path, clock: SettableClock) -> KeyRing:
    """The old copy of the ring beside the present roots."""
    elsewhere = copy.parent / "restored"
    shutil.copytree(directory, elsewhere, ignore=shutil.ignore_patterns("ring.db*"))
    shutil.copy(copy, elsewhere / "ring.db")
    return KeyRing.open(elsewhere, clock)


def test_an_old_copy_opens_until_the_next_generation(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """A mirror is worth something: as long as the root lives, the copy opens."""
    key = ring.data_key("a", clock.now() + 60)
    ring.copy_to(tmp_path / "copy.db")
    assert _restored(directory, tmp_path / "copy.db", clock).find("a") == (key, clock.now() + 60)


@pytest.mark.parametrize("how", ["destroy", "expire", "rotate"])
def test_old_copies_stop_opening(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path, how: str
) -> None:
    """After an erasure, an expiry or a rotation no older copy of the ring opens."""
    ring.data_key("a", clock.now() + 60)
    ring.copy_to(tmp_path / "copy.db")
    if how == "destroy":
        ring.destroy(["a"])
    elif how == "expire":
        clock.advance(60)
        ring.drop_expired()
    else:
        ring.rotate()
    with pytest.raises(RootMissing) as caught:
        _restored(directory, tmp_path / "copy.db", clock)
    assert "destroyed on purpose" in caught.value.diagnostics()


def _secrets(ring: KeyRing) -> set[bytes]:
    """Every key in the present tree above the pages."""
    with ring._keeper.writing() as tree:
        keys = {tree.known.top_key, *tree.known.top.buckets.values()}
        for day in tree.days():
            keys |= set(tree.bucket(day).pages.values())
    return keys


@pytest.mark.parametrize("moved", [False, True])
def test_no_present_key_opens_an_old_node_that_held_an_erased_key(
    ring: KeyRing, clock: SettableClock, moved: bool
) -> None:
    """Every key on the way to an erased key is renewed, also where it lay before it moved."""
    ring.data_key("a", clock.now() + 60)
    ring.data_key("other", clock.now() + 60)
    before = _path_to(ring, "a")
    if moved:
        ring.extend("a", clock.now() + 2 * DAY)
        before |= _path_to(ring, "a")
    ring.destroy(["a"])
    assert before & _secrets(ring) == set()


def _path_to(ring: KeyRing, name: str) -> set[bytes]:
    with ring._keeper.reading() as tree:
        found = tree.find(name)
        assert found is not None
        day = found[0]
        return {
            tree.known.top_key,
            tree.known.top.buckets[day],
            tree.bucket(day).pages[shard_of(digest_of(name))],
        }


def test_one_erasure_touches_one_page(ring: KeyRing, clock: SettableClock) -> None:
    """However many keys there are, an erasure writes one page, its bucket and the top."""
    expiry = clock.now() + 60
    with ring._keeper.writing() as tree:
        for number in range(5_000):
            tree.put(expiry_day(expiry), str(number), Entry(bytes(32), expiry, 0))
    shelf = ring._keeper.shelf
    with shelf.reading():
        before = {(row.day, row.shard): row.node for row in shelf.pages_after(-1)}
    assert ring.destroy(["7"]) == 1
    with shelf.reading():
        after = {(row.day, row.shard): row.node for row in shelf.pages_after(-1)}
    changed = {place for place in before if before[place] != after[place]}
    assert changed == {(expiry_day(expiry), shard_of(digest_of("7")))}
    clock.advance(2 * DAY)
    assert ring.drop_expired() == 4_999
    with shelf.reading():
        assert shelf.pages_after(-1) == []


class _Crash(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("step", ["create", "wrap", "destroy"])
def test_a_crash_at_any_step_leaves_the_old_or_the_new_state(
    ring: KeyRing, directory: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Killed while erasing: after the restart the key is there or gone, and one root is left."""
    expiry = clock.now() + 60
    key = ring.data_key("a", expiry)
    other = ring.data_key("other", expiry)
    original = getattr(FileRoot, step)

    def crash(self: FileRoot, *given: object) -> object:
        if step == "create":
            original(self, *given)
        raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr(FileRoot, step, crash)
        with pytest.raises(_Crash):
            ring.destroy(["a"])
    ring.close()
    again = KeyRing.open(directory, clock)
    assert again.find("other") == (other, expiry)
    assert again.find("a") == (None if step == "destroy" else (key, expiry))
    assert len(list(directory.glob("root-*.key"))) == 1


def test_a_root_that_cannot_be_destroyed_is_reported_until_it_is(
    ring: KeyRing, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erasure is not reported as done while the old root is still there."""
    ring.data_key("a", clock.now() + 60)

    def refuse(self: FileRoot, handle: str) -> None:
        raise KeyRingUnavailable("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(FileRoot, "destroy", refuse)
        for _ in range(2):
            with pytest.raises(KeyRingUnavailable):
                ring.destroy(["a"])
    assert len(ring._keeper.root.handles()) == 2
    assert ring.destroy(["a"]) == 0
    assert len(ring._keeper.root.handles()) == 1


def test_two_processes_share_a_ring(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """What one writes or destroys the other sees at once."""
    other = KeyRing.open(directory, clock)
    key = ring.data_key("a", clock.now() + 60)
    assert other.find("a") == (key, clock.now() + 60)
    other.destroy(["a"])
    assert ring.find("a") is None
    assert ring.service_key("x") == other.service_key("x")
    ring.rotate()
    assert other.data_key("b", clock.now() + 60) == ring.data_key("b", clock.now() + 60)


def test_a_second_writer_waits_and_is_then_told(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """While one process writes, another's change waits, is refused in the end, and loses nothing."""
    other = KeyRing.open(directory, clock)
    other._keeper.shelf.execute("PRAGMA busy_timeout=50")
    with ring._keeper.writing() as tree:
        tree.put(expiry_day(clock.now() + 60), "a", Entry(bytes(32), clock.now() + 60, 0))
        assert other.find("a") is None
        with pytest.raises(KeyRingUnavailable, match="locked"):
            other.data_key("b", clock.now() + 60)
    assert other.find("a") is not None
    assert other.data_key("b", clock.now() + 60) == ring.data_key("b", clock.now() + 60)


def test_threads_and_rings_at_once(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """Two rings under concurrent use lose no key and find none twice."""
    rings = [ring, KeyRing.open(directory, clock)]

    def work(number: int) -> None:
        mine, other = rings[number % 2], rings[(number + 1) % 2]
        for turn in range(8):
            name = f"{number} {turn}"
            key = mine.data_key(name, clock.now() + 60)
            assert other.find(name) == (key, clock.now() + 60)
            if turn % 2:
                assert mine.destroy([name]) == 1

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    left = {f"{n} {t}" for n in range(6) for t in range(8) if ring.find(f"{n} {t}")}
    assert left == {f"{n} {t}" for n in range(6) for t in range(0, 8, 2)}


@pytest.mark.parametrize("table", ["ring", "buckets", "pages"])
def test_altered_nodes_are_refused(
    ring: KeyRing, directory: Path, clock: SettableClock, table: str
) -> None:
    """A flipped bit in any node of the file is noticed."""
    ring.data_key("a", clock.now() + 60)
    ring.close()
    shelf = FileShelf(directory / "ring.db")
    with shelf.writing():
        ((node,),) = shelf.execute(f"SELECT node FROM {table}")
        shelf.execute(f"UPDATE {table} SET node = ?", bytes([*node[:-1], node[-1] ^ 1]))
    shelf.close()
    with pytest.raises(KeyRingDamaged):
        KeyRing.open(directory, clock).find("a")


def test_exchanged_pages_are_refused(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """A page that was put in the place of another does not open."""
    for number in range(20):
        ring.data_key(str(number), clock.now() + 60)
    ring.close()
    shelf = FileShelf(directory / "ring.db")
    with shelf.writing():
        shards = shelf.execute("SELECT shard, node FROM pages ORDER BY shard LIMIT 2")
        for (shard, _), (_, node) in zip(shards, reversed(shards), strict=True):
            shelf.execute("UPDATE pages SET node = ? WHERE shard = ?", node, shard)
    shelf.close()
    again = KeyRing.open(directory, clock)
    with pytest.raises(KeyRingDamaged):
        for number in range(20):
            again.find(str(number))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"services": 1, "buckets": {}}', b"\xff"])
def test_unreadable_nodes_are_damage(content: bytes) -> None:
    """A node that opens but makes no sense is an integrity failure, not a crash."""
    for kind in (Top, Bucket):
        with pytest.raises(KeyRingDamaged):
            kind.decode(content)


def test_errors_of_the_file_are_gatehouse_errors(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """A ring file full of garbage is reported as damage, with a hint."""
    ring.close()
    (directory / "ring.db").write_bytes(b"garbage " * 1000)
    with pytest.raises(GatehouseError) as caught:
        KeyRing.open(directory, clock)
    assert isinstance(caught.value, KeyRingDamaged)
    assert "mirror" in caught.value.diagnostics()


def test_a_full_disk_changes_nothing(ring: KeyRing, clock: SettableClock) -> None:
    """A write that does not fit is refused as a whole, and the ring goes on."""
    key = ring.data_key("a", clock.now() + 60)
    ((pages,),) = ring._keeper.shelf.execute("PRAGMA page_count")
    ring._keeper.shelf.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(KeyRingUnavailable):
        for number in range(500):
            ring.data_key(f"filler {number}", clock.now() + 60)
    ring._keeper.shelf.execute("PRAGMA max_page_count=1000000")
    assert ring.find("a") == (key, clock.now() + 60)
    assert ring.data_key("b", clock.now() + 60) != key


@pytest.mark.parametrize("where", ["root", "ring"])
def test_a_full_disk_while_rotating_changes_nothing(
    ring: KeyRing,
    directory: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """Full while the root or the ring is written: refused, nothing lost, no root left in the end."""
    expiry = clock.now() + 60
    keys = {f"{number}": ring.data_key(f"{number}", expiry) for number in range(40)}
    with monkeypatch.context() as patch:
        if where == "root":

            def full(_descriptor: int) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            patch.setattr("gatehouse.keys.roots.os.fsync", full)
        else:
            ((pages,),) = ring._keeper.shelf.execute("PRAGMA page_count")
            ring._keeper.shelf.execute(f"PRAGMA max_page_count={pages}")
            patch.setattr(ring, "destroy", lambda _names: ring.reseal())
            _make_bigger(ring)
        with pytest.raises(KeyRingUnavailable):
            ring.destroy(["0"])
    ring.close()
    again = KeyRing.open(directory, clock)
    assert keys == {name: again.data_key(name, expiry) for name in keys}
    assert len(list(directory.glob("root-*.key"))) == 1
    assert again.destroy(["0"]) == 1


def _make_bigger(ring: KeyRing) -> None:
    """Let the next change of the ring need more room than there is."""
    original = ring._keeper.removing

    def removing(work: Callable[[Tree], int], *, always: bool = False) -> int:
        def more(tree: Tree) -> int:
            for number in range(2000):
                tree.put(10**6, f"more {number}", Entry(bytes(32), 9e10, 0))
            return work(tree)

        return original(more, always=always)

    ring._keeper.removing = removing  # type: ignore[assignment, method-assign]


def test_a_view_of_the_tree_does_not_change_another(ring: KeyRing, clock: SettableClock) -> None:
    """A change that is rolled back leaves nothing in memory."""
    ring.data_key("a", clock.now() + 60)
    known: Known = ring._keeper._known
    pages = {day: dict(bucket.pages) for day, bucket in known.buckets.items()}
    with pytest.raises(_Crash), ring._keeper.writing() as tree:
        assert isinstance(tree, Tree)
        (_, entry) = tree.find("a") or pytest.fail("the key is there")
        for number in range(50):
            tree.put(expiry_day(entry.expires_at), str(number), entry)
        raise _Crash
    assert {day: bucket.pages for day, bucket in ring._keeper._known.buckets.items()} == pages
    assert ring.find("7") is None

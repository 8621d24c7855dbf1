"""The directory of the ring: made once, private, and never silently made anew."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import (
    AlreadyInitialised,
    FileRoot,
    KeyRing,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
    associated_data,
)


def test_without_a_ring_nothing_opens(directory: Path, clock: SettableClock) -> None:
    """Opening makes nothing; the error says what to run."""
    with pytest.raises(KeyRingNotReady) as caught:
        KeyRing.open(directory, clock)
    assert caught.value.exit_code == 6
    assert caught.value.hints
    assert not directory.exists()


def test_everything_is_private(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """The directory has mode 0700 and every file in it 0600."""
    ring.data_key("a", clock.now() + 60)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert {path.name.split("-")[0] for path in directory.iterdir()} == {"ring.db", "root"}


def test_an_open_directory_is_refused(ring: KeyRing, directory: Path, clock: SettableClock) -> None:
    """Keys that others could list or read are not used."""
    ring.close()
    directory.chmod(0o755)
    with pytest.raises(KeyRingNotReady, match="open to others"):
        KeyRing.open(directory, clock)


def test_initialising_twice_is_refused(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """A second initialisation changes nothing."""
    key = ring.service_key("x")
    with pytest.raises(AlreadyInitialised):
        KeyRing.initialise(directory, clock)
    assert KeyRing.open(directory, clock).service_key("x") == key


def test_initialising_at_the_same_time_makes_one_ring(
    directory: Path, clock: SettableClock
) -> None:
    """Of two that start at once, one makes the ring and the other is told."""
    outcomes: list[str] = []

    def work() -> None:
        try:
            KeyRing.initialise(directory, clock)
            outcomes.append("made")
        except AlreadyInitialised:
            outcomes.append("told")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "told", "told", "told"]
    assert len(list(directory.glob("root-*.key"))) == 1


def test_a_missing_root_is_never_replaced(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """A ring whose root is gone is refused, by opening and by initialising, with hints."""
    ring.close()
    (root,) = directory.glob("root-*.key")
    content = root.read_bytes()
    root.unlink()
    with pytest.raises(RootMissing) as caught:
        KeyRing.open(directory, clock)
    assert root.name in caught.value.diagnostics()
    with pytest.raises(AlreadyInitialised):
        KeyRing.initialise(directory, clock)
    assert list(directory.glob("root-*.key")) == []
    root.write_bytes(content)
    root.chmod(0o600)
    assert KeyRing.open(directory, clock).generation == 1


def test_a_missing_ring_is_never_replaced(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """A root without its ring is refused, by opening and by initialising, and stays."""
    ring.close()
    (directory / "ring.db").rename(directory.parent / "lost.db")
    for make in (KeyRing.open, KeyRing.initialise):
        with pytest.raises(KeyRingDamaged, match="missing"):
            make(directory, clock)
    assert len(list(directory.glob("root-*.key"))) == 1
    (directory.parent / "lost.db").rename(directory / "ring.db")
    assert KeyRing.open(directory, clock).generation == 1


def test_an_interrupted_initialisation_is_finished_by_the_next(
    directory: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed half-way, the next attempt starts over and leaves one root."""

    class Crash(BaseException):
        pass

    def crash(*_given: object) -> bytes:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(FileRoot, "wrap", crash)
        with pytest.raises(Crash):
            KeyRing.initialise(directory, clock)
    assert not KeyRing.is_initialised(directory)
    ring = KeyRing.initialise(directory, clock)
    assert ring.generation == 1
    assert len(list(directory.glob("root-*.key"))) == 1
    assert len(list(directory.glob("ring.db.unfinished*"))) == 0


def test_an_old_ring_does_not_cost_the_present_root(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """Opening with an old copy in place fails and keeps the root, so that it can be put right."""
    ring.copy_to(tmp_path / "old.db")
    key = ring.service_key("x")
    ring.rotate()
    ring.close()
    present = (directory / "ring.db").read_bytes()
    (directory / "ring.db").write_bytes((tmp_path / "old.db").read_bytes())
    with pytest.raises(RootMissing):
        KeyRing.open(directory, clock)
    (directory / "ring.db").write_bytes(present)
    assert KeyRing.open(directory, clock).service_key("x") == key


def test_a_ring_of_the_first_format_goes_on(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """What the first version wrote opens, moves to a new generation and leaves no root behind."""
    key = ring.data_key("a", clock.now() + 60)
    known = ring._keeper._known
    shelf = ring._keeper.shelf
    place = associated_data(
        kind="key ring root", ring=known.ring, format=1, generation=known.generation
    )
    wrapped = FileRoot(directory).wrap(known.handle, known.top_key, place)
    (root,) = directory.glob("root-*.key")
    root.rename(directory / f"root-{'f' * 32}.key")  # its roots did not carry the ring's id
    with shelf.writing():
        shelf.execute("UPDATE ring SET format = 1, wrapped = ?, root = ?", wrapped, "f" * 32)
        shelf.execute("DROP TABLE spares")
        for table, column in (
            ("ring", "changed"),
            ("ring", "rotated_at"),
            ("ring", "mirrored_at"),
            ("buckets", "changed"),
            ("pages", "changed"),
        ):
            shelf.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    ring.close()
    again = KeyRing.open(directory, clock)
    assert again.find("a") == (key, clock.now() + 60)
    assert (again.status().format, again.generation) == (2, 2)
    assert again.check().roots_left == 0
    assert len(list(directory.glob("root-*.key"))) == 1


def test_a_ring_of_a_later_format_is_refused(
    ring: KeyRing, directory: Path, clock: SettableClock
) -> None:
    """An older version does not touch what it cannot understand."""
    with ring._keeper.shelf.writing():
        ring._keeper.shelf.execute("UPDATE ring SET format = 3")
    ring.close()
    with pytest.raises(KeyRingNotReady, match="format 3"):
        KeyRing.open(directory, clock)


def test_another_deployments_ring_costs_nobody_a_root(
    ring: KeyRing, directory: Path, clock: SettableClock, tmp_path: Path
) -> None:
    """Another deployment's keys copied over these: they open, and this ring's root stays."""
    key = ring.service_key("x")
    other = KeyRing.initialise(tmp_path / "other", clock)
    ring.close()
    other.close()
    kept = (directory / "ring.db").read_bytes()
    for path in (tmp_path / "other").iterdir():
        shutil.copy(path, directory / path.name)
    wrong = KeyRing.open(directory, clock)
    wrong.rotate()
    wrong.close()
    assert len(list(directory.glob("root-*.key"))) == 2
    for path in directory.glob("ring.db*"):
        path.unlink()
    (directory / "ring.db").write_bytes(kept)
    (directory / "ring.db").chmod(0o600)
    assert KeyRing.open(directory, clock).service_key("x") == key


@pytest.mark.parametrize("replaced", [False, True])
def test_a_ring_that_went_takes_no_more_keys(
    ring: KeyRing, directory: Path, clock: SettableClock, replaced: bool
) -> None:
    """A key that was written into a file without a name would be lost with the process."""
    ring.data_key("a", clock.now() + 60)
    file, aside = directory / "ring.db", directory / "aside"
    file.rename(aside)
    if replaced:
        shutil.copyfile(aside, file)
    with pytest.raises(KeyRingUnavailable, match="moved, deleted or replaced"):
        ring.data_key("b", clock.now() + 60)
    with pytest.raises(KeyRingUnavailable, match="moved, deleted or replaced"):
        ring.find("a")
    aside.rename(file)
    assert ring.find("a")

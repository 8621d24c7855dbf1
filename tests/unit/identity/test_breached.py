"""A supplied list of stolen passwords is believed, whatever its size, and never passed over."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput, NotReady, Unavailable
from gatehouse.identity import CHEAPEST, Directory, PasswordRefused
from gatehouse.identity.breached import BreachedList

from .conftest import KEY

STOLEN = ["teapot under the quiet bridge", "lantern-velvet-orbit-cactus", "Über den Dächern 1984"]


def hashed(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest().upper()


def written(path: Path, texts: list[str], ending: str = ":7\n") -> Path:
    lines = sorted(hashed(text) for text in texts)
    path.write_bytes("".join(line + ending for line in lines).encode())
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n", ":1\n", ":12345678\r\n"])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 500])
def test_every_line_is_found_and_nothing_else(tmp_path: Path, ending: str, number: int) -> None:
    """First, last and all between, in the forms that lists are published in."""
    texts = [f"stolen password {index}" for index in range(number)]
    found = BreachedList(written(tmp_path / "list", texts, ending))
    assert all(found.contains(text) for text in texts)
    assert not any(found.contains(f"free password {index}") for index in range(200))
    found.close()


def test_a_last_line_without_an_end_counts(tmp_path: Path) -> None:
    """Also in small letters."""
    path = written(tmp_path / "list", STOLEN)
    path.write_bytes(path.read_bytes().lower().removesuffix(b"\n"))
    found = BreachedList(path)
    assert all(found.contains(text) for text in STOLEN)
    assert found.contains(STOLEN[0].upper())
    found.close()


def test_a_look_up_reads_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fifty thousand lines some sixteen."""
    found = BreachedList(written(tmp_path / "list", [str(index) for index in range(50_000)]))
    reads = []
    genuine = found._line
    monkeypatch.setattr(found, "_line", lambda at: reads.append(at) or genuine(at))
    assert not found.contains("a free password")
    assert len(reads) < 30
    found.close()


def test_a_file_that_is_no_sorted_list_stops_the_start(tmp_path: Path) -> None:
    """It would find nothing, in silence."""
    lines = written(tmp_path / "list", [str(index) for index in range(1000)]).read_text().split()
    random.Random(1).shuffle(lines)
    for content in ("\n".join(lines), "password\n123456\n", "x" * 500, "\0" * 500):
        (tmp_path / "wrong").write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput, match="breached_file"):
            BreachedList(tmp_path / "wrong")
    with pytest.raises(NotReady, match="breached_file"):
        BreachedList(tmp_path / "missing")


def test_a_stolen_password_cannot_be_chosen(
    tmp_path: Path, engine: Engine, clock: SettableClock
) -> None:
    """Neither by a new person nor at a change; one that only its owner knows can."""
    listed = BreachedList(written(tmp_path / "list", STOLEN))
    directory = Directory(engine, clock, CHEAPEST, key=KEY, breached=listed.contains)
    person = directory.add("c.d", "C D", ["employee"], "seven copper kettles sing")
    for choose in (
        lambda: directory.add("a.b", "A B", ["employee"], STOLEN[0]),
        lambda: directory.set_password(person.id, STOLEN[1]),
        lambda: directory.check_change(person, "seven copper kettles sing", STOLEN[2]),
    ):
        with pytest.raises(PasswordRefused) as refused:
            choose()
        assert "breached" == refused.value.reason
    listed.close()


def test_without_the_list_nothing_is_chosen(
    tmp_path: Path, engine: Engine, clock: SettableClock
) -> None:
    """A list that was damaged meanwhile refuses every new password."""
    path = written(tmp_path / "list", STOLEN)
    listed = BreachedList(path)
    path.write_bytes(b"x" * path.stat().st_size)
    directory = Directory(engine, clock, CHEAPEST, key=KEY, breached=listed.contains)
    with pytest.raises(Unavailable):
        directory.add("a.b", "A B", ["employee"], "seven copper kettles sing")
    assert () == directory.people()
    listed.close()

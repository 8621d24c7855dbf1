"""`gatehouse keys` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gatehouse.cli.keys import keys
from gatehouse.clock import SystemClock
from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady
from gatehouse.keys import (
    AlreadyInitialised,
    KeyRing,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
    open_ring,
)
from gatehouse.keys.mirror import Mirror
from gatehouse.keys.roots import FileRoot
from gatehouse.runtime import open_runtime
from gatehouse.settings import load_settings

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty deployment with a mirror."""
    for name in ("domain.yml", "policies"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / "gatehouse.toml").write_text('[keys]\nmirror = "second"\n')
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    return tmp_path


def call(*arguments: str) -> str:
    """The standard output of the command; its error is raised."""
    result = CliRunner().invoke(keys, list(arguments))
    if isinstance(result.exception, GatehouseError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def said(*arguments: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(call(*arguments, "--json"))
    return facts


def ring(home: Path) -> KeyRing:
    return open_ring(load_settings(home), SystemClock())


def fill(home: Path, count: int = 3) -> None:
    opened = ring(home)
    for number in range(count):
        opened.data_key(f"{number}", SystemClock().now() + 3600)
    opened.close()


def test_init_makes_ring_root_and_mirror_once(home: Path) -> None:
    """Everything is there afterwards and private; a second time nothing changes."""
    assert said("init") == {"made": True, "root": "file", "home": "file"}
    assert (home / "second").stat().st_mode & 0o777 == 0o700
    assert (home / "second" / "ring.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyInitialised):
        call("init")


def test_before_init_every_command_says_what_to_run(home: Path) -> None:
    """No command makes keys by the way."""
    for command in ("status", "rotate", "check", "mirror"):
        with pytest.raises(KeyRingNotReady) as caught:
            call(command)
        assert caught.value.exit_code == 6
        assert "gatehouse init" in caught.value.diagnostics()
    assert not (home / "var").exists() or not list((home / "var").rglob("root-*"))


def test_status_says_how_keys_and_mirror_stand(home: Path) -> None:
    """In words and as one JSON document with the same facts."""
    call("init")
    fill(home)
    facts = said("status")
    assert (facts["generation"], facts["keys"], facts["mirror_in_step"]) == (1, 3, True)
    text = call("status")
    assert "mirror in step    yes" in text
    assert len(facts) == len(text.splitlines())


def test_rotate_is_recorded_and_ends_old_copies(home: Path) -> None:
    """A new generation, an entry in the audit log, and no way back."""
    call("init")
    fill(home)
    ring(home).copy_to(home / "old.db")
    assert said("rotate") == {"generation": 2}
    runtime = open_runtime(home)
    entry = json.loads(list(runtime.audit.entries())[-1].body)
    runtime.close()
    assert (entry["kind"], entry["operation"]) == ("key_operation", "rotate")
    with pytest.raises(RootMissing):
        call("restore", str(home / "old.db"), "--older")


def test_signing_keys_are_renewed_on_demand(home: Path) -> None:
    """What they signed ends, the next signature has another key, and the log says that it was done."""
    call("init")
    runtime = open_runtime(home)
    before = (runtime.assertion_keys.newest().id, runtime.call_keys.newest().id)
    assert said("renew-signing") == {"renewed": True}
    again = open_runtime(home)
    entry = json.loads(list(again.audit.entries())[-1].body)
    after = (again.assertion_keys.newest().id, again.call_keys.newest().id)
    gone = [again.assertion_keys.find(before[0]), again.call_keys.find(before[1])]
    runtime.close()
    again.close()
    assert ("key_operation", "renew_signing") == (entry["kind"], entry["operation"])
    assert ([None, None], 4) == (gone, len({*before, *after}))


def test_mirror_makes_a_first_copy_only_when_told(home: Path) -> None:
    """An empty directory may be a volume that is not mounted."""
    call("init")
    fill(home)
    for path in (home / "second").iterdir():
        path.unlink()
    with pytest.raises(KeyRingUnavailable) as caught:
        call("mirror")
    assert "--new" in caught.value.diagnostics()
    assert said("mirror", "--new")["keys"] == 3
    assert said("mirror")["keys"] == 3


def test_mirror_without_a_setting_is_refused(home: Path) -> None:
    """There is nothing to do then, and that is said."""
    call("init")
    (home / "gatehouse.toml").unlink()
    with pytest.raises(InvalidInput, match="no mirror"):
        call("mirror")
    with pytest.raises(InvalidInput, match="no mirror"):
        call("restore")


def test_check_opens_every_key_here_and_in_the_mirror(home: Path) -> None:
    """A flipped bit in one page of the mirror, or of the ring, is found."""
    call("init")
    fill(home)
    assert said("check")["mirror_keys"] == 3
    _flip(home / "second" / "ring.db")
    with pytest.raises(KeyRingDamaged) as caught:
        call("check")
    assert caught.value.exit_code == 5
    _flip(home / "second" / "ring.db")
    call("check")
    _flip(home / "var" / "keys" / "ring.db")
    with pytest.raises(KeyRingDamaged):
        call("check")


def test_check_and_rotate_say_that_the_mirror_is_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that is away, or of an earlier root, is no fault of the ring: exit code 6."""
    call("init")
    fill(home)
    (home / "second").rename(home / "elsewhere")
    with pytest.raises(NotReady, match="ring is whole, but there is no mirror") as caught:
        call("check")
    assert caught.value.exit_code == 6
    result = CliRunner().invoke(keys, ["rotate"])
    assert (0, True) == (result.exit_code, "until it has caught up" in result.stderr)
    (home / "elsewhere").rename(home / "second")
    with monkeypatch.context() as patch:
        patch.setattr(Mirror, "sync", lambda _self: 0.0)  # nothing makes it catch up
        with pytest.raises(NotReady, match="of an earlier root"):
            call("check")
    call("mirror")
    assert said("check")["mirror_keys"] == 3


def _flip(path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    ((node,),) = connection.execute("SELECT node FROM pages LIMIT 1")
    altered = bytes([*node[:-1], node[-1] ^ 1])
    with connection:
        connection.execute("UPDATE pages SET node = ? WHERE node = ?", (altered, node))
    connection.close()


def test_check_finds_roots_that_were_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old root that cannot be destroyed stops no start, but an erasure is not final: it is said."""
    call("init")

    def refuse(_root: FileRoot, _handle: str) -> None:
        raise KeyRingUnavailable("a key root cannot be destroyed")

    with monkeypatch.context() as patch:
        patch.setattr(FileRoot, "destroy", refuse)
        with pytest.raises(KeyRingUnavailable):
            call("rotate")
        with pytest.raises(IntegrityError, match="1 old roots"):
            call("check")
        assert ring(home).status().root_error == "a key root cannot be destroyed"
    call("rotate")
    assert said("check")["roots_left"] == 0


def _lose(home: Path) -> None:
    for path in (home / "var" / "keys").glob("ring.db*"):
        path.unlink()


def _garbage(home: Path) -> None:
    _lose(home)
    (home / "var" / "keys" / "ring.db").write_bytes(b"garbage " * 1000)


@pytest.mark.parametrize("accident", [_lose, _garbage])
def test_restore_brings_back_a_lost_or_damaged_ring(
    home: Path, accident: Callable[[Path], None]
) -> None:
    """From the mirror, by one command, and it is recorded."""
    call("init")
    fill(home)
    open_runtime(home).close()
    accident(home)
    with pytest.raises(KeyRingDamaged) as caught:
        call("status")
    assert "gatehouse keys restore" in caught.value.diagnostics()
    assert said("restore") == {"generation": 1, "keys": 3, "replaced": None}
    assert said("check")["keys"] == 3
    runtime = open_runtime(home)
    entry = json.loads(list(runtime.audit.entries())[-1].body)
    runtime.close()
    assert entry["operation"] == "restore"


def test_restore_makes_no_databases(home: Path) -> None:
    """On a host that lost everything: the log comes out of a backup, and an empty one would be in its
    way."""
    call("init")
    fill(home)
    _lose(home)
    result = CliRunner().invoke(keys, ["restore"])
    assert (0, True) == (result.exit_code, "no audit log to record it in" in result.stderr)
    assert [] == list((home / "var").glob("*.db"))


def test_restore_does_not_replace_a_newer_ring_unasked(home: Path) -> None:
    """A copy that lacks keys is refused; with --older it is taken and the newer one set aside."""
    call("init")
    ring(home).copy_to(home / "older.db")
    fill(home)
    with pytest.raises(InvalidInput, match="newer"):
        call("restore", str(home / "older.db"))
    assert said("status")["keys"] == 3
    serving = ring(home)
    assert serving.find("0") is not None
    aside = Path(said("restore", str(home / "older.db"), "--older")["replaced"])
    assert said("status")["keys"] == 0
    assert said("mirror")["keys"] == 0
    assert serving.find("0") is None
    assert said("restore", str(aside), "--older")["keys"] == 3
    assert said("check")["mirror_keys"] == 3
    serving.close()


def test_restore_refuses_what_is_no_ring_or_another_deployments(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is changed by a file that cannot be the ring."""
    call("init")
    fill(home)
    (home / "garbage.db").write_bytes(b"garbage " * 1000)
    other = KeyRing.initialise(tmp_path_factory.mktemp("other") / "keys", SystemClock())
    other.copy_to(home / "others.db")
    for name, kind in (
        ("nothing.db", InvalidInput),
        ("garbage.db", KeyRingDamaged),
        ("others.db", RootMissing),
    ):
        with pytest.raises(kind):
            call("restore", str(home / name))
    assert said("check")["keys"] == 3


def test_restore_into_a_running_deployment(home: Path) -> None:
    """A server that has the ring open goes on with what was put back."""
    call("init")
    fill(home)
    serving = ring(home)
    assert serving.find("0") is not None
    call("mirror")
    _flip(home / "var" / "keys" / "ring.db")
    assert said("restore")["keys"] == 3
    assert all(serving.find(f"{number}") for number in range(3))
    serving.close()


def test_reseal_moves_everything_to_the_suite_of_the_settings(home: Path) -> None:
    """Counted before, nothing left after, recorded, and a second run has nothing to do."""
    call("init")
    fill(home)
    call("rotate")
    (home / "gatehouse.toml").write_text('[keys]\nmirror = "second"\nsuite = "chacha20poly1305"\n')
    before = said("reseal", "--count")
    assert before["suite"] == "chacha20poly1305"
    assert before["ring"] > 1
    after = said("reseal")
    assert {name: after[name] for name in before} == {
        **dict.fromkeys(before, 0),
        "suite": "chacha20poly1305",
    }
    assert said("check")["mirror_keys"] >= 3
    generation = said("status")["generation"]
    said("reseal")
    assert said("status")["generation"] == generation
    runtime = open_runtime(home)
    kinds = [json.loads(entry.body) for entry in runtime.audit.entries()]
    runtime.close()
    assert [e["suite"] for e in kinds if e.get("operation") == "reseal"] == ["chacha20poly1305"] * 2

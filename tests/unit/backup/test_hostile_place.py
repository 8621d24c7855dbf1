"""Whoever can write to the place of the backups can destroy, and can deceive nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.backup.errors import BackupDamaged, BackupMissing
from gatehouse.backup.making import remove_unfinished
from gatehouse.backup.pruning import prune
from gatehouse.backup.schedule import Schedule
from gatehouse.backup.targets import open_target
from gatehouse.cli.main import main
from tests.unit.backup.conftest import Desk, silent


def several(desk: Desk, number: int) -> list[str]:
    """The names of that many backups, an hour apart."""
    ids = []
    for _ in range(number):
        ids.append(desk.backup().id)
        desk.clock.advance(3600)
    return ids


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gatehouse(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`gatehouse backup …` in the home of the desk: exit code, output, and what is said beside it."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(desk.home))

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["backup", *arguments])
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def hide(path: Path, how: str) -> None:
    """Make a backup one that nobody sees."""
    if how == "removed":
        shutil.rmtree(path)
    elif how == "without its manifest":
        (path / "manifest").unlink()
    elif how == "a pipe for a manifest":
        (path / "manifest").unlink()
        os.mkfifo(path / "manifest")
    else:
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "how", ["removed", "without its manifest", "a pipe for a manifest", "a link"]
)
def test_an_old_backup_is_not_passed_off_as_the_latest(desk: Desk, how: str) -> None:
    """The ring, and so its mirror, knows that a later one was made, whoever hides that one."""
    first, second, third = several(desk, 3)
    desk.shelf.require_latest(third)
    hide(desk.place / third, how)
    assert second == desk.shelf.newest()
    with pytest.raises(BackupMissing, match=f"later backup than {second}"):
        desk.shelf.require_latest(second)
    desk.shelf.require_latest(first)  # named on purpose, and not the newest that is there


def test_the_commands_say_so(desk: Desk, gatehouse: Command) -> None:
    """None takes an older one unasked; whoever names it gets it, and a copy that lags is a warning."""
    first, second = several(desk, 2)
    shutil.rmtree(desk.place / second)
    desk.runtime.close()
    for arguments in (["list"], ["verify"], ["verify", "--all"], ["drill"], ["restore"]):
        code, _, said = gatehouse(*arguments)
        assert (5, True) == (code, "a later backup" in said), arguments
    assert 0 == gatehouse("verify", first)[0]
    code, _, said = gatehouse("verify", "--place", str(desk.place))
    assert (0, True) == (code, "warning: a later backup" in said)


def test_every_backup_is_looked_at(desk: Desk, gatehouse: Command) -> None:
    """One that is damaged is named with its part, and hides neither the others nor its own fault."""
    first, second, third = several(desk, 3)
    path = desk.place / first / "audit.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    (desk.place / second / "manifest").unlink()
    desk.runtime.close()
    code, output, said = gatehouse("verify", "--all")
    lines = output.splitlines()
    assert f"{first}  audit: a sealed file was cut off or altered" == lines[0]
    assert f"{second}  its manifest is gone" == lines[1]
    assert lines[2].startswith(f"{third}  whole")
    assert (5, True) == (code, "2 of 3 backups" in said)
    code, output, _ = gatehouse("list")
    assert (5, True) == (code, "its manifest is gone" in output)


def test_a_robbed_backup_opens_again(desk: Desk) -> None:
    """Who removes manifests does not get the server to end the keys of what snapshots still have."""
    first, second = several(desk, 2)
    stolen = {path: path.read_bytes() for path in desk.place.glob("*/manifest")}
    for path in stolen:
        path.unlink()
    assert 0 == remove_unfinished(desk.shelf)
    target = open_target(desk.settings)
    assert () == prune(desk.runtime, target, silent).removed
    desk.backup()
    for path, content in stolen.items():
        path.write_bytes(content)
    for one in (first, second):
        desk.shelf.verify(desk.shelf.manifest(one), silent)


def test_missing_backups_are_recorded(desk: Desk) -> None:
    """The next backup goes on, and the log says after which one something is gone."""
    first, second = several(desk, 2)
    shutil.rmtree(desk.place / second)
    desk.backup()
    facts = [entry.facts() for entry in desk.runtime.audit.entries()]
    missing = [one["backup"] for one in facts if one.get("operation") == "missing"]
    assert [first] == missing


def test_a_planted_future_stops_no_backup(desk: Desk) -> None:
    """A made-up name of a later time is neither believed nor in the way of the next run."""
    (first,) = several(desk, 1)
    planted = desk.place / "20990101T000000Z-00000000"
    shutil.copytree(desk.place / first, planted)
    desk.clock.advance(desk.settings.backup.every)
    assert Schedule(desk.runtime).poll()
    assert 3 == len(desk.shelf.ids())
    with pytest.raises(BackupDamaged, match=f"{planted.name}: .*another backup"):
        desk.shelf.manifest(desk.shelf.newest())


@pytest.mark.parametrize("what", ["pipe", "link"])
def test_what_is_no_file_is_not_read(desk: Desk, what: str) -> None:
    """A pipe in place of a part makes nobody wait for ever, and a link leads nowhere."""
    made = desk.backup()
    path = desk.place / made.id / "main.sealed"
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(BackupDamaged, match="no ordinary file"):
        desk.shelf.verify(made, silent)


def test_pruning_forgets_both_keys(desk: Desk) -> None:
    """Nothing of a pruned backup stays in the ring."""
    with open(desk.home / "gatehouse.toml", "a") as file:
        file.write("keep_last = 1\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n")
    desk.reopen()
    several(desk, 1)
    before = desk.runtime.ring.status().kept
    several(desk, 2)
    prune(desk.runtime, open_target(desk.settings), silent)
    assert before == desk.runtime.ring.status().kept

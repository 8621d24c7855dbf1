"""Every kind of second place behaves alike: whole objects or none, and clear errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.backup.errors import BackupDamaged, TargetUnavailable
from gatehouse.backup.making import make_backup
from gatehouse.backup.pruning import prune
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import Target, open_target
from gatehouse.backup.targets.directory import DirectoryTarget
from gatehouse.backup.targets.s3 import S3Target
from gatehouse.backup.targets.sftp import SftpTarget
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.settings import load_settings
from tests.needs import need
from tests.unit.backup.conftest import Desk, silent
from tests.unit.backup.fake_s3 import FakeS3, served

SERVER = Path("/usr/lib/openssh/sftp-server")


def sftp(path: Path) -> SftpTarget:
    """Through the real program and the real server, without the transport between them."""
    program = shutil.which("sftp")
    missing = "OpenSSH is not installed (apt-get install openssh-client openssh-sftp-server)"
    need(program and SERVER.exists(), missing)
    return SftpTarget(
        "", "here", str(path), None, (str(program), "-q", "-b", "-", "-D", str(SERVER))
    )


@pytest.fixture(params=["directory", "sftp", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Target]:
    """Each kind, empty."""
    directory = tmp_path / "far away"
    directory.mkdir()
    if request.param == "directory":
        yield DirectoryTarget(directory)
    elif request.param == "sftp":
        yield sftp(directory)
    else:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "desk")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-credential")
        with served(FakeS3()) as address:
            yield S3Target("desk-backups", "gatehouse", "eu-central-1", address)


def put(target: Target, name: str, content: bytes) -> None:
    with target.writing(name) as file:
        for at in range(0, len(content), 1 << 20):
            file.write(content[at : at + (1 << 20)])


def get(target: Target, name: str) -> bytes:
    with target.reading(name) as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


def test_whole_objects_or_none(place: Target) -> None:
    """Written, listed, read, replaced and removed; what fails on the way is not there."""
    assert [] == place.names()
    large = os.urandom(18 << 20)
    contents = {"mark.json": b"{}", "one/main.sealed": large, "one/manifest": b"", "two/a": b"x"}
    for name, content in contents.items():
        put(place, name, content)
    assert sorted(contents) == place.names()
    assert all(content == get(place, name) for name, content in contents.items())
    put(place, "two/a", b"y")
    assert b"y" == get(place, "two/a")
    with pytest.raises(RuntimeError), place.writing("two/b") as file:
        file.write(large)
        raise RuntimeError
    assert sorted(contents) == place.names()
    with pytest.raises(KeyError), place.reading("two/b"):
        pass
    place.delete(["one/main.sealed", "one/manifest", "never/was"])
    assert ["mark.json", "two/a"] == place.names()


def test_a_backup_at_every_kind_of_place(place: Target, desk: Desk) -> None:
    """Made, found, opened and pruned."""
    first = make_backup(desk.runtime, place, silent, new=True)
    desk.clock.advance(60)
    second = make_backup(desk.runtime, place, silent)
    shelf = Shelf(place, desk.runtime.ring)
    assert [first.id, second.id] == shelf.ids()
    shelf.verify(shelf.manifest(first.id), silent)
    assert 2 == len(prune(desk.runtime, place, silent).kept)


def test_a_place_that_is_away(tmp_path: Path) -> None:
    """A directory that is not there is an error, never an empty place."""
    for target in (DirectoryTarget(tmp_path / "none"), sftp(tmp_path / "none")):
        with pytest.raises(TargetUnavailable):
            target.names()
        with pytest.raises(TargetUnavailable):
            put(target, "a/b", b"x")
        assert not (tmp_path / "none").exists()


def test_a_service_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is said, its text and our credentials are not; an upload is given up."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "desk")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-credential")
    state = FakeS3()
    with served(state) as address:
        target = S3Target("desk-backups", "", "eu-central-1", address)
        with pytest.raises(RuntimeError), target.writing("a/b") as file:
            file.write(bytes(9 << 20))
            assert 1 == len(state.uploads)
            raise RuntimeError
        assert {} == state.uploads == state.objects
        state.refuse = "AccessDenied"
        with pytest.raises(TargetUnavailable, match="AccessDenied") as refused:
            target.names()
        assert "marked" not in refused.value.diagnostics()


def test_what_a_far_side_lists_is_not_believed(tmp_path: Path) -> None:
    """A name that would be a command of the batch is left out."""
    (tmp_path / 'x" !touch').mkdir()
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a").write_bytes(b"1")
    assert ["good/a"] == sftp(tmp_path).names()


@pytest.mark.parametrize(
    "written",
    ["ftp://host/x", "s3://", "s3://UPPER/x", "sftp://host", "sftp://-oProxyCommand=x/y", "var/keys",
     "var/keys/below", "policies"],
)  # fmt: skip
def test_a_target_that_cannot_be_is_refused(written: str, desk: Desk) -> None:
    """Also one beside the keys, where backups would be copied together with them."""
    with pytest.raises(InvalidInput):
        open_target(desk.settings, written)


def test_no_target_is_said(tmp_path: Path) -> None:
    """With what to set."""
    with pytest.raises(NotReady, match="no place"):
        open_target(load_settings(tmp_path, {}))
    with pytest.raises(InvalidInput, match="https"):
        S3Target("desk-backups", "", "", "http://backups.example.org")


def test_a_directory_that_became_a_link_leads_to_no_deletion(tmp_path: Path) -> None:
    """Whoever swaps it after it was listed has nothing of this machine removed."""
    place, home = tmp_path / "place", tmp_path / "home"
    (place / "made").mkdir(parents=True)
    home.mkdir()
    (place / "made" / "main.sealed").write_bytes(b"part")
    (home / "main.sealed").write_bytes(b"ours")
    target = DirectoryTarget(place)
    names = target.names()
    assert ["made/main.sealed"] == names
    (place / "made").rename(tmp_path / "taken")
    (place / "made").symlink_to(home)
    with pytest.raises(BackupDamaged, match="no ordinary file"):
        target.delete(names)
    assert b"ours" == (home / "main.sealed").read_bytes()
    (place / "made").unlink()
    (tmp_path / "taken").rename(place / "made")
    target.delete([*names, "gone/long ago"])
    assert [] == list(place.iterdir())

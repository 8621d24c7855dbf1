"""SFTP over real SSH: OpenSSH's own server on loopback, with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.backup.errors import TargetUnavailable
from gatehouse.backup.making import make_backup
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import Target, open_target
from gatehouse.settings import load_settings
from tests.needs import need
from tests.patience import PATIENCE
from tests.unit.backup.conftest import Desk, silent

SERVER = Path("/usr/sbin/sshd")


class FarHost:
    """A server for one account, reached as `far` by the ssh_config of this test."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.place = directory, directory / "far away"
        self.place.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        for name in ("host", "mine", "stranger"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
            subprocess.run(command, check=True)
        public = (directory / "host.pub").read_text()
        (directory / "known").write_text(f"[127.0.0.1]:{self.port} {public}")
        (directory / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/mine.pub\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "Subsystem sftp internal-sftp\n"
        )
        self.sign_in_with("mine")

    def sign_in_with(self, key: str) -> None:
        (self.directory / "config").write_text(
            f"Host far\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f'  IdentityFile "{self.directory}/{key}"\n  IdentitiesOnly yes\n'
            f'  UserKnownHostsFile "{self.directory}/known"\n'
        )

    def target(self, home: Path) -> Target:
        settings = home / "gatehouse.toml"
        settings.write_text(
            f'[backup]\ntarget = "sftp://far{self.directory}/place"\n'
            f'sftp_config = "{self.directory}/config"\n'
        )
        return open_target(load_settings(home, {}))


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarHost]:
    there = SERVER.exists() and shutil.which("sftp")
    need(there, "OpenSSH's server is not installed (apt-get install openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd demands it; its unit makes it
    directory = tmp_path / "ssh"
    directory.mkdir(mode=0o700)
    host = FarHost(directory)
    (directory / "place").symlink_to(host.place)
    command = [str(SERVER), "-D", "-e", "-f", str(directory / "sshd_config")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(host.port, server)
            yield host
        finally:
            server.terminate()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
            continue
        return
    pytest.fail("sshd does not start")


def test_backups_over_ssh(far: FarHost, desk: Desk) -> None:
    """Made, listed, read back and restored through the whole transport."""
    desk.talk(desk.person(), "c")
    target = far.target(desk.home)
    made = make_backup(desk.runtime, target, silent, new=True)
    assert (made.id, [made.id]) == (
        Shelf(target, desk.runtime.ring).newest(),
        Shelf(far.target(desk.home), desk.runtime.ring).ids(),
    )
    assert {0o600} == {p.stat().st_mode & 0o777 for p in far.place.rglob("*") if p.is_file()}
    desk.lose("main", "records")
    assert 1 == desk.restore(made.id).scrubbed.kept


def test_only_the_known_host_and_the_named_key(far: FarHost, tmp_path: Path) -> None:
    """Another machine at that address is not spoken to, and nobody is asked for a password."""
    known = far.directory / "known"
    assert [] == far.target(tmp_path).names()
    far.sign_in_with("stranger")
    with pytest.raises(TargetUnavailable, match="cannot be used"):
        far.target(tmp_path).names()
    far.sign_in_with("mine")
    other = (far.directory / "stranger.pub").read_text()
    for said in ("", f"[127.0.0.1]:{far.port} {other}"):
        known.write_text(said)
        with pytest.raises(TargetUnavailable, match="cannot be used"):
            far.target(tmp_path).names()

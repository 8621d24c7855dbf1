"""A throw-away PostgreSQL server for the tests that need one.

`postgres_url` is an empty place of its own for each test that asks. The server is started once
per run, on a free loopback port, with a random password and below a temporary directory; it is
stopped at the end, and by the kernel if the run is killed. Where PostgreSQL is not installed such
tests are skipped, and fail in CI (`CI=true`).
"""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg2
import pytest

from tests.needs import need
from tests.patience import PATIENCE

_DEBIAN = "/usr/lib/postgresql"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server's database, `postgresql+psycopg2://…:port/postgres`."""
    binaries = _binaries()
    need(binaries, "PostgreSQL is not installed (apt-get install postgresql)")
    assert binaries is not None
    directory = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
    try:
        yield from _serve(binaries, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The SQLAlchemy URL of an empty place for one test: a schema that its search path names."""
    name = f"test_{next(_NUMBERS)}"
    connection = psycopg2.connect(_plain(postgres_server))
    connection.autocommit = True
    try:
        connection.cursor().execute(f"CREATE SCHEMA {name}")
        yield f"{postgres_server}?options=-csearch_path%3D{name}"
        # A test that forgot a connection must not keep the next one waiting.
        connection.cursor().execute(f"SET lock_timeout = '5s'; DROP SCHEMA {name} CASCADE")
    finally:
        connection.close()


class OwnServer:
    """A PostgreSQL server for one test, which may kill it and start it again on its data."""

    def __init__(self) -> None:
        binaries = _binaries()
        need(binaries, "PostgreSQL is not installed (apt-get install postgresql)")
        assert binaries is not None
        self._binaries = binaries
        self._directory = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
        self._prefix = _unprivileged(self._directory)
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql+psycopg2://gatehouse@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        subprocess.run(
            [*self._prefix, str(self._binaries / "initdb"), "-D", str(self._directory / "data"),
             "-U", "gatehouse", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=self._directory,
        )  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=PATIENCE)
        shutil.rmtree(self._directory, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL, and wait until all of its processes are gone."""
        assert self._server is not None
        workers = _children(self._server.pid)
        self._server.kill()
        self._server.wait(timeout=PATIENCE)
        self._server = None
        deadline = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < deadline, "PostgreSQL's workers did not end"
            time.sleep(0.02)

    def start(self) -> None:
        with open(self._directory / "log", "ab") as log:
            self._server = subprocess.Popen(
                [*self._prefix, str(self._binaries / "postgres"), "-D",
                 str(self._directory / "data"), "-p", str(self._port), "-h", "127.0.0.1",
                 "-k", str(self._directory)],
                stdout=log, stderr=log, cwd=self._directory,
            )  # fmt: skip
        _wait_until_ready(self._server, self.url, self._directory / "log")


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _plain(url: str) -> str:
    return url.replace("+psycopg2", "")


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path(_DEBIAN).glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    return versions[-1].parent if versions else None


def _serve(binaries: Path, directory: Path) -> Iterator[str]:
    prefix = _unprivileged(directory)
    password = secrets.token_hex(16)
    secret = directory / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    _give_away(secret)
    data = directory / "data"
    subprocess.run(
        [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "gatehouse", "-A",
         "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd=directory,
    )  # fmt: skip
    with started(data, directory, password) as url:
        yield url


@contextmanager
def started(data: Path, directory: Path, password: str) -> Iterator[str]:
    """The URL of a server on the cluster in `data`, such as one restored from a base backup; its
    log and socket lie in `directory`."""
    binaries = _binaries()
    assert binaries is not None
    prefix = _unprivileged(directory)
    port = _free_port()
    url = f"postgresql+psycopg2://gatehouse:{password}@127.0.0.1:{port}/postgres"
    with open(directory / "log", "wb") as log:
        server = subprocess.Popen(
            [*prefix, str(binaries / "postgres"), "-D", str(data), "-p", str(port),
             "-h", "127.0.0.1", "-k", str(directory), "-c", "fsync=off"],
            stdout=log, stderr=log, cwd=directory,
        )  # fmt: skip
    try:
        _wait_until_ready(server, url, directory / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=PATIENCE)


def program(name: str) -> str:
    """The path of a program of PostgreSQL, such as pg_dump."""
    found = shutil.which(name)
    if found:
        return found
    versions = Path(_DEBIAN).glob(f"*/bin/{name}")
    return str(max(versions, key=lambda path: float(path.parts[-3])))


def give_tree_away(directory: Path) -> None:
    """Make the user that runs PostgreSQL here the owner of a directory and all in it."""
    for path in (directory, *directory.rglob("*")):
        _give_away(path)


def _unprivileged(directory: Path) -> list[str]:
    """PostgreSQL refuses to run as root; as root it runs as the user `postgres`."""
    die_with_us = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
    if os.geteuid() != 0:
        return [*die_with_us, "--"] if die_with_us else []
    _give_away(directory)
    if not die_with_us:
        return ["runuser", "-u", "postgres", "--"]
    return [*die_with_us, "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(path, account.pw_uid, account.pw_gid)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg2.connect(_plain(url)).close()
            return
        except psycopg2.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL does not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)

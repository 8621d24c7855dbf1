"""A deployment that can be weakened while it serves, and self-test runs on it."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from types import TracebackType
from typing import Self

from gatehouse.ops.selftest.account import LentAccount
from gatehouse.ops.selftest.catalogue import chosen
from gatehouse.ops.selftest.engine import Report, run
from gatehouse.ops.selftest.site import Site, Words
from gatehouse.ops.selftest.target import read_target, settled, trust_in
from gatehouse.webhooks.signature import write_secret
from tests.e2e.deployment import PASSWORD, Account, Deployment, free_port

_sources = itertools.count(2)

LOOSE = {
    "GATEHOUSE_LIMITS_STRANGERS_PER_MINUTE": "100000",
    "GATEHOUSE_LIMITS_STRANGERS_PER_SECOND": "100000",
}
"""Limits that let many runs follow each other without waiting."""


def lend(account: Account) -> LentAccount:
    """`account` as the self-test takes it."""
    return LentAccount(account.username, PASSWORD, account._totp.secret)


def site_of(deployment: Deployment, account: Account | None = None, **words: str) -> Site:
    """A site as the command makes it, asked from an address of its own on this machine."""
    number = next(_sources)
    return Site(
        settled(read_target(f"https://localhost:{deployment.port}")),
        trust_in(deployment.home / "var" / "tls" / "authority.pem"),
        account=lend(account) if account else None,
        words=Words(webhook="hr", **words),
        source=f"127.0.{number // 250}.{number % 250 + 2}",
    )


def name_a_webhook(home: Path) -> None:
    """Let a system `hr` send webhook messages to the deployment in `home`."""
    secrets = home / "secrets"
    secrets.mkdir()
    (secrets / "hr").write_text(write_secret(os.urandom(32)))
    (secrets / "hr").chmod(0o600)
    (home / "webhooks.toml").write_text(
        '[incoming.hr]\nsecrets = ["secrets/hr"]\nkinds = ["person.left"]\n'
    )


class Weakened(Deployment):
    """The demonstration, served by the launcher of the tests."""

    def __init__(self, home: Path, **settings: str) -> None:
        super().__init__(home, **settings)
        self.side_port = free_port()  # where a weakness may put an action server
        self.environment["WEAKENED_SIDE_PORT"] = str(self.side_port)
        name_a_webhook(home)
        self._directory = tempfile.mkdtemp(prefix="weak-")  # paths of sockets must be short
        self._listener = Listener(f"{self._directory}/s", "AF_UNIX")
        self._commands: Connection | None = None

    def serve(self) -> Self:
        """Start the server, whole."""
        self.start(self._listener.address, "run", "--demo", program=("tests.selftest.launcher",))
        self._commands = self._listener.accept()
        return self

    def weaken(self, name: str) -> None:
        """Give the running server the weakness `name` and no other; "" makes it whole."""
        assert self._commands is not None
        self._commands.send(name)
        assert self._commands.poll(30), "the server did not take the weakness"
        assert "done" == self._commands.recv()

    def attack(self, *ids: str, **words: str) -> Report:
        """A run with these attacks and a new account; "destructive" ones too."""
        site = site_of(self, self.person("employee"), **words)
        site.side_ports = (self.side_port,)
        return run(site, chosen(ids, ()), destructive=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._commands is not None:
            self._commands.close()
        self._listener.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        super().__exit__(kind, error, at)

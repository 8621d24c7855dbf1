"""The places where roots live, each made for one test: what a behaviour test can do to them."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import pytest

from gatehouse.keys.opening import open_root
from gatehouse.keys.roots import Root
from gatehouse.settings import load_settings
from tests.needs import need
from tests.unit.keys import fake_kms, fake_vault

_LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
)


class Place(Protocol):
    """One place of roots, set up from the settings of a deployment."""

    home: Path
    environment: dict[str, str]

    def root(self) -> Root: ...

    def go_away(self) -> None:
        """Let it not answer any more."""

    def come_back(self) -> None: ...


class _Place:
    def __init__(self, home: Path, **keys: str) -> None:
        self.home = home
        self.environment = {f"GATEHOUSE_KEYS_{name.upper()}": value for name, value in keys.items()}

    def root(self) -> Root:
        return open_root(load_settings(self.home, self.environment))


class FilePlace(_Place):
    """A directory."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, root="file")
        (home / "var" / "keys").mkdir(parents=True, mode=0o700)

    def go_away(self) -> None:
        (self.home / "var" / "keys").rename(self.home / "var" / "away")

    def come_back(self) -> None:
        (self.home / "var" / "away").rename(self.home / "var" / "keys")


class SoftHsmPlace(_Place):
    """A token of SoftHSM2, initialised for this test."""

    def __init__(self, home: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import pkcs11

        self.tokens = home / "tokens"
        self.tokens.mkdir()
        configuration = home / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "gatehouse-test",
             "--so-pin", "87654321", "--pin", "123456"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        pkcs11.lib(library).reinitialize()  # it read the configuration of an earlier test
        pin = home / "pin"
        pin.touch(mode=0o600)
        pin.write_text("123456\n")
        super().__init__(
            home, root="pkcs11", pkcs11_module=library, pkcs11_token="gatehouse-test",
            pkcs11_pin_file="pin",
        )  # fmt: skip

    def go_away(self) -> None:
        self.tokens.rename(self.home / "unplugged")

    def come_back(self) -> None:
        (self.home / "unplugged").rename(self.tokens)


class KmsPlace(_Place):
    """The fake of AWS KMS, through boto3."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kms = fake_kms.FakeKms()
        self._serving = _serving(self.kms.handler())
        for name, value in {
            "AWS_ACCESS_KEY_ID": "AKIDOFTHETEST",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "none"),
        }.items():
            monkeypatch.setenv(name, value)
        super().__init__(
            home, root="aws-kms", aws_region="eu-central-1", aws_endpoint=self._serving.enter()
        )

    def go_away(self) -> None:
        self._serving.leave()

    def come_back(self) -> None:
        self._serving.enter()


class VaultPlace(_Place):
    """The fake of Transit, through hvac."""

    def __init__(self, home: Path) -> None:
        self.vault = fake_vault.FakeVault()
        self._serving = _serving(self.vault.handler())
        token = home / "token"
        token.touch(mode=0o600)
        token.write_text(fake_vault.TOKEN + "\n")
        super().__init__(
            home, root="vault", vault_address=self._serving.enter(), vault_token_file="token"
        )

    def go_away(self) -> None:
        self._serving.leave()

    def come_back(self) -> None:
        self._serving.enter()


class _serving:
    """A loopback server that can stop and come back on its port."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._handler = handler
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def enter(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return f"http://127.0.0.1:{self._port}"

    def leave(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def softhsm_library() -> str:
    """The path of SoftHSM2; skips where it is not installed, fails in CI."""
    found = [path for path in _LIBRARIES if os.path.exists(path)]
    there = found and shutil.which("softhsm2-util")
    need(there, "SoftHSM2 is not installed (apt-get install softhsm2)")
    return found[0]


@contextmanager
def place_of(kind: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The place of one `keys.root`, ended afterwards."""
    if kind == "file":
        yield FilePlace(home)
    elif kind == "pkcs11":
        yield SoftHsmPlace(home, softhsm_library(), monkeypatch)
    else:
        place = KmsPlace(home, monkeypatch) if kind == "aws-kms" else VaultPlace(home)
        try:
            yield place
        finally:
            place.go_away()

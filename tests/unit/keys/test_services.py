"""What is particular to each place of roots: refusals, delays, throttling, and missing parts."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.keys import KeyRingNotReady, KeyRingUnavailable, RootMissing
from gatehouse.keys.opening import open_root
from gatehouse.keys.roots import new_handle
from gatehouse.ops.authority import LocalAuthority
from gatehouse.settings import load_settings
from tests.unit.keys import fake_kms, fake_vault
from tests.unit.keys.places import KmsPlace, SoftHsmPlace, VaultPlace, softhsm_library

RING = "0123456789abcdef" * 2


@pytest.fixture
def kms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsPlace]:
    place = KmsPlace(tmp_path, monkeypatch)
    yield place
    place.go_away()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[VaultPlace]:
    place = VaultPlace(tmp_path)
    yield place
    place.go_away()


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsmPlace:
    return SoftHsmPlace(tmp_path, softhsm_library(), monkeypatch)


def test_a_root_never_leaves_the_module(hsm: SoftHsmPlace) -> None:
    """In the token the root is sensitive and was never extractable; no file holds it in clear."""
    import pkcs11

    root: Any = hsm.root()
    handle = new_handle(RING)
    root.create(handle)
    key = root._key(root._session, handle)
    names = pkcs11.Attribute
    for attribute in (names.ALWAYS_SENSITIVE, names.NEVER_EXTRACTABLE, names.LOCAL, names.PRIVATE):
        assert key[attribute] is True
    assert key[names.EXTRACTABLE] is False
    with pytest.raises(pkcs11.AttributeSensitive):
        key[names.VALUE]


def test_a_refused_pin_is_not_tried_again(hsm: SoftHsmPlace) -> None:
    """Tokens lock after a few wrong PINs; the right one works without a restart."""
    (hsm.home / "pin").write_text("000000")
    root: Any = hsm.root()
    with pytest.raises(KeyRingNotReady, match="refused the PIN"):
        root.handles()
    with pytest.raises(KeyRingNotReady, match="not tried again") as caught:
        root.handles()
    assert "000000" not in caught.value.diagnostics()
    (hsm.home / "pin").write_text("123456")
    assert root.handles() == frozenset()


def test_a_pin_file_open_to_others_is_refused(hsm: SoftHsmPlace) -> None:
    """A secret that others can read is no secret."""
    (hsm.home / "pin").chmod(0o644)
    with pytest.raises(KeyRingNotReady, match="read by others"):
        hsm.root().handles()


def test_the_pin_may_come_from_the_environment(
    hsm: SoftHsmPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no file, and only there: never from gatehouse.toml."""
    (hsm.home / "pin").unlink()
    del hsm.environment["GATEHOUSE_KEYS_PKCS11_PIN_FILE"]
    with pytest.raises(InvalidInput, match="no PIN"):
        hsm.root()
    monkeypatch.setenv("GATEHOUSE_KEYS_PKCS11_PIN", "123456")
    assert hsm.root().handles() == frozenset()
    (hsm.home / "gatehouse.toml").write_text('[keys]\npkcs11_pin = "123456"\n')
    with pytest.raises(InvalidInput, match="pkcs11_pin"):
        load_settings(hsm.home)


@pytest.mark.parametrize("name", ["pkcs11_module", "pkcs11_token"])
def test_a_module_or_token_that_is_not_there(hsm: SoftHsmPlace, name: str) -> None:
    """A wrong name is one clear error."""
    hsm.environment[f"GATEHOUSE_KEYS_{name.upper()}"] = "nothing"
    with pytest.raises(KeyRingUnavailable, match="hardware module"):
        hsm.root().handles()
    hsm.environment[f"GATEHOUSE_KEYS_{name.upper()}"] = ""
    with pytest.raises(InvalidInput, match=name):
        hsm.root()


def test_kms_keys_end_late_and_can_be_told(kms: KmsPlace) -> None:
    """A destroyed key is pending, unusable and unlisted; its alias is gone."""
    root = kms.root()
    handle, other = new_handle(RING), new_handle(RING)
    root.create(handle)
    root.create(other)
    root.destroy(handle)
    states = sorted(key["state"] for key in kms.kms.keys.values())
    assert states == ["Enabled", "PendingDeletion"]
    assert list(kms.kms.aliases) == [f"alias/gatehouse/{other}"]


def test_kms_that_ended_a_key_behind_our_back(kms: KmsPlace) -> None:
    """A root pending deletion is missing, with the way to save it; a disabled one is unavailable."""
    root = kms.root()
    handle = new_handle(RING)
    root.create(handle)
    wrapped = root.wrap(handle, b"secret", b"place")
    (key,) = kms.kms.keys.values()
    key["state"] = "PendingDeletion"
    with pytest.raises(RootMissing) as caught:
        kms.root().unwrap(handle, wrapped, b"place")
    assert "cancel-key-deletion" in caught.value.diagnostics()
    key["state"] = "Disabled"
    with pytest.raises(KeyRingUnavailable, match="DisabledException"):
        kms.root().unwrap(handle, wrapped, b"place")


def test_kms_throttling_is_tried_again_and_then_said(kms: KmsPlace) -> None:
    """Two refusals for too many requests are hidden by the SDK; lasting ones are unavailable."""
    root = kms.root()
    left = [2]

    def throttle(_verb: str) -> None:
        if left[0]:
            left[0] -= 1
            raise fake_kms.Refused("ThrottlingException")

    kms.kms.fail = throttle
    root.create(new_handle(RING))
    left[0] = 100
    with pytest.raises(KeyRingUnavailable, match="ThrottlingException"):
        root.create(new_handle(RING))
    assert left[0] == 97


def test_kms_that_does_not_know_a_new_key_yet(
    kms: KmsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key may be unknown for a moment; a missing one stays missing."""
    monkeypatch.setattr("gatehouse.keys.aws_root._SETTLING", (0.0, 0.0))
    root = kms.root()
    handle = new_handle(RING)
    root.create(handle)
    left = [1]

    def late(verb: str) -> None:
        if verb == "Encrypt" and left[0]:
            left[0] -= 1
            raise fake_kms.Refused("NotFoundException")

    kms.kms.fail = late
    assert root.unwrap(handle, root.wrap(handle, b"secret", b"place"), b"place") == b"secret"
    with pytest.raises(RootMissing):
        root.wrap(new_handle(RING), b"secret", b"place")


def test_kms_key_without_alias_is_not_left_behind(kms: KmsPlace) -> None:
    """Cut off between key and alias, the key ends: nobody would find it again."""

    def refuse(verb: str) -> None:
        if verb == "CreateAlias":
            raise fake_kms.Refused("LimitExceededException")

    kms.kms.fail = refuse
    with pytest.raises(KeyRingUnavailable):
        kms.root().create(new_handle(RING))
    assert [key["state"] for key in kms.kms.keys.values()] == ["PendingDeletion"]


def test_kms_that_refuses_says_what_it_needs(kms: KmsPlace) -> None:
    """Missing permissions are named, and no text of the service is repeated."""

    def refuse(_verb: str) -> None:
        raise fake_kms.Refused("AccessDeniedException")

    kms.kms.fail = refuse
    with pytest.raises(KeyRingNotReady) as caught:
        kms.root().handles()
    assert "kms:CreateKey" in caught.value.diagnostics()


def test_kms_that_hangs_is_given_up(kms: KmsPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that accepts and says nothing ends in an error within the set times."""
    from botocore.config import Config

    def hang(_verb: str) -> None:
        time.sleep(1)

    kms.kms.fail = hang
    root: Any = kms.root()
    short = Config(read_timeout=0.1, retries={"total_max_attempts": 1})
    configured = root._kms.meta.config.merge(short)
    assert (root._kms.meta.config.connect_timeout, root._kms.meta.config.read_timeout) == (3, 5)
    import boto3

    root._kms = boto3.client(
        "kms", region_name="eu-central-1", endpoint_url=root._kms.meta.endpoint_url,
        config=configured,
    )  # fmt: skip
    with pytest.raises(KeyRingUnavailable, match="ReadTimeout"):
        root.handles()


def test_transit_keys_cannot_be_taken_out(vault: VaultPlace) -> None:
    """Made without export and backup; one that was changed to allow them is not used."""
    root = vault.root()
    handle = new_handle(RING)
    root.create(handle)
    (key,) = vault.vault.keys.values()
    assert (key["exportable"], key["allow_plaintext_backup"]) == (False, False)
    key["exportable"] = True
    with pytest.raises(KeyRingNotReady, match="exported"):
        root.wrap(handle, b"secret", b"place")


def test_a_refused_token_is_said_without_it(vault: VaultPlace) -> None:
    """The token is read anew each time, so a renewed one works without a restart."""
    root = vault.root()
    (vault.home / "token").write_text("s.wrong")
    with pytest.raises(KeyRingNotReady) as caught:
        root.handles()
    assert "s.wrong" not in caught.value.diagnostics() + repr(caught.value.__cause__)
    (vault.home / "token").write_text(fake_vault.TOKEN)
    assert root.handles() == frozenset()


@pytest.mark.parametrize("status", [412, 429, 500, 502, 503])
def test_vault_in_trouble_is_unavailable(vault: VaultPlace, status: int) -> None:
    """Sealed, throttling, failing: tried again later, nothing taken for missing."""
    root = vault.root()
    handle = new_handle(RING)
    root.create(handle)

    def refuse(_what: str) -> None:
        raise fake_vault.Refused(status, "trouble")

    vault.vault.fail = refuse
    for work in (
        lambda: root.destroy(handle),
        lambda: root.wrap(handle, b"secret", b"place"),
        root.handles,
    ):
        with pytest.raises(KeyRingUnavailable):
            work()


def test_a_wrong_mount_is_no_missing_root(vault: VaultPlace) -> None:
    """Where Transit is not, making a root fails; nothing falls back to another place."""
    vault.environment["GATEHOUSE_KEYS_VAULT_MOUNT"] = "elsewhere"
    with pytest.raises(GatehouseError):
        vault.root().create(new_handle(RING))


@pytest.mark.parametrize("address", ["http://vault.example.org:8200", "ftp://localhost", "x"])
def test_vault_in_clear_is_refused(vault: VaultPlace, address: str) -> None:
    """A token never goes over the network in clear."""
    vault.environment["GATEHOUSE_KEYS_VAULT_ADDRESS"] = address
    with pytest.raises(InvalidInput, match="https"):
        vault.root()


def test_a_vault_of_an_unknown_authority_gets_no_token(vault: VaultPlace, tmp_path: Path) -> None:
    """Over HTTPS, the authority that is named is trusted and no other; before that, nothing is said."""
    authority = LocalAuthority(tmp_path / "authority")
    authority.ensure(time.time())
    heard: list[str] = []
    vault.vault.fail = heard.append
    server = ThreadingHTTPServer(("127.0.0.1", 0), vault.vault.handler())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        address = f"https://localhost:{server.server_address[1]}"
        vault.environment["GATEHOUSE_KEYS_VAULT_ADDRESS"] = address
        with pytest.raises(KeyRingUnavailable):
            vault.root().handles()
        assert [] == heard
        vault.environment["GATEHOUSE_KEYS_VAULT_CA_FILE"] = str(authority.certificate_file)
        assert frozenset() == vault.root().handles()
        assert heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("pkcs11", "pkcs11", "pkcs11"), ("aws-kms", "boto3", "aws"), ("vault", "hvac", "vault")],
)
def test_a_missing_library_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str, extra: str
) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("GATEHOUSE_KEYS_PKCS11_PIN", "1")
    monkeypatch.setenv("GATEHOUSE_KEYS_VAULT_TOKEN", "1")
    settings = load_settings(
        tmp_path,
        {
            "GATEHOUSE_KEYS_ROOT": kind,
            "GATEHOUSE_KEYS_PKCS11_MODULE": "x",
            "GATEHOUSE_KEYS_PKCS11_TOKEN": "x",
            "GATEHOUSE_KEYS_VAULT_ADDRESS": "https://localhost",
        },
    )
    with pytest.raises(NotReady) as caught:
        open_root(settings)
    assert f"gatehouse[{extra}]" in caught.value.diagnostics()


def test_names_of_other_deployments_cannot_be_reached(tmp_path: Path) -> None:
    """A namespace is a plain word."""
    for name in ("", "a/b", "../x", "a b", "-a"):
        settings = load_settings(
            tmp_path, {"GATEHOUSE_KEYS_ROOT": "aws-kms", "GATEHOUSE_KEYS_NAMESPACE": name}
        )
        with pytest.raises(InvalidInput, match="namespace"):
            open_root(settings)


def test_the_ring_in_a_database_needs_postgresql(tmp_path: Path) -> None:
    """SQLite is one host's; the file home is there for that."""
    from gatehouse.keys import ring_is_made

    with pytest.raises(InvalidInput, match="PostgreSQL"):
        ring_is_made(load_settings(tmp_path, {"GATEHOUSE_KEYS_HOME": "database"}))


def test_a_mirror_beside_the_ring_is_refused(tmp_path: Path) -> None:
    """The directory of the keys is no second place."""
    from gatehouse.clock import SettableClock
    from gatehouse.keys import make_ring, open_ring

    make_ring(load_settings(tmp_path, {}), SettableClock())
    with pytest.raises(InvalidInput, match=r"keys\.mirror"):
        open_ring(load_settings(tmp_path, {"GATEHOUSE_KEYS_MIRROR": "var/keys"}), SettableClock())

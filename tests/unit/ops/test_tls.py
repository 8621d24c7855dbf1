"""The local authority and the TLS settings: for this machine only, renewed in time, never weak."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gatehouse.clock import SystemClock
from gatehouse.errors import IntegrityError, InvalidInput, NotReady, Unavailable
from gatehouse.ops import tls
from gatehouse.ops.authority import LEAF_DAYS, LocalAuthority
from gatehouse.settings import Settings, load_settings

DAY = 86400.0
NOW = 1_800_000_000.0


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    made = LocalAuthority(tmp_path / "tls")
    made.ensure(NOW)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, {})


def fingerprints(authority: LocalAuthority) -> tuple[str, str]:
    root, leaf = authority.authority(), authority.server()
    assert root is not None
    assert leaf is not None
    return root.fingerprint, leaf.fingerprint


def test_the_authority_can_vouch_for_this_machine_only(authority: LocalAuthority) -> None:
    """Critical name constraints to loopback, no further authorities, P-256."""
    found = authority.authority()
    assert found is not None
    extensions = found.certificate.extensions
    limits = extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees is not None
    assert {
        "localhost",
        ipaddress.ip_network("127.0.0.1/32"),
        ipaddress.ip_network("::1/128"),
    } == {name.value for name in limits.value.permitted_subtrees}
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (True, 0) == (basic.value.ca, basic.value.path_length)
    assert isinstance(found.key.curve, ec.SECP256R1)


def test_files_are_private(authority: LocalAuthority) -> None:
    """Directory 0700, files 0600."""
    directory = authority.certificate_file.parent
    assert 0o700 == directory.stat().st_mode & 0o777
    assert {0o600} == {item.stat().st_mode & 0o777 for item in directory.iterdir()}


def test_nothing_is_made_twice(authority: LocalAuthority) -> None:
    """A second start leaves everything as it is."""
    before = fingerprints(authority)
    assert not authority.ensure(NOW + DAY)
    assert before == fingerprints(authority)


def test_the_leaf_is_renewed_under_the_same_authority(authority: LocalAuthority) -> None:
    """With less than 30 days left, or on demand; what browsers trust stays."""
    root, leaf = fingerprints(authority)
    assert not authority.ensure(NOW + (LEAF_DAYS - 31) * DAY)
    assert authority.ensure(NOW + (LEAF_DAYS - 29) * DAY)
    assert (root, False) == (fingerprints(authority)[0], leaf == fingerprints(authority)[1])
    leaf = fingerprints(authority)[1]
    assert authority.ensure(NOW + (LEAF_DAYS - 29) * DAY, renew=True)
    assert leaf != fingerprints(authority)[1]


def test_the_authority_is_replaced_before_a_leaf_would_outlive_it(
    authority: LocalAuthority,
) -> None:
    """No certificate is ever valid longer than what signed it."""
    root, _ = fingerprints(authority)
    later = NOW + 740 * DAY
    assert authority.ensure(later)
    assert root != fingerprints(authority)[0]
    found, server = authority.authority(), authority.server()
    assert found is not None
    assert server is not None
    assert server.certificate.not_valid_after_utc <= found.certificate.not_valid_after_utc


@pytest.mark.parametrize("name", ["server.pem", "authority-private.pem"])
def test_a_damaged_file_is_reported(authority: LocalAuthority, name: str) -> None:
    """Half a file stops the start and is not replaced in silence."""
    path = authority.certificate_file.parent / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(IntegrityError):
        authority.ensure(NOW)


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """A clear error, no certificate somewhere else."""
    (tmp_path / "tls").write_text("a file")
    with pytest.raises(Unavailable):
        LocalAuthority(tmp_path / "tls").ensure(NOW)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    """The protocol version that both agree on; raises ssl.SSLError on the client's side."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    server.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=name) as connection,
            ):
                return connection.version()
        finally:
            thread.join()


def trusting(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tls.local_authority(settings).certificate_file))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_browser_that_trusts_the_authority_connects(settings: Settings, name: str) -> None:
    """Under every loopback name, with TLS 1.3."""
    context = tls.server_context(settings)
    assert "TLSv1.3" == handshake(context, trusting(settings), name)


def test_tls_1_2_has_forward_secrecy_only(settings: Settings) -> None:
    """A client that offers only RSA key exchange is refused."""
    context = tls.server_context(settings)
    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version
    names = [str(item["name"]) for item in context.get_ciphers()]
    assert [] == [name for name in names if not name.startswith(("ECDHE-", "TLS_"))]
    old = trusting(settings)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert "TLSv1.2" == handshake(context, old, "localhost")
    old.set_ciphers("kRSA")
    with pytest.raises(OSError):
        handshake(context, old, "localhost")


def test_an_operators_certificate_is_used(tmp_path: Path) -> None:
    """With both settings the local authority is neither used nor made."""
    other = LocalAuthority(tmp_path / "elsewhere")
    other.ensure(SystemClock().now())
    chain = str(other.server_file)
    own = load_settings(tmp_path, {"GATEHOUSE_TLS_CERTIFICATE": chain, "GATEHOUSE_TLS_KEY": chain})
    assert not tls.uses_local_authority(own)
    tls.server_context(own)
    assert not (tmp_path / "var" / "tls").exists()
    assert not tls.status(own).local


def test_an_operators_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    """A missing, readable-by-all, foreign or expired one stops the start."""
    authority = LocalAuthority(tmp_path / "elsewhere")
    authority.ensure(SystemClock().now())
    chain = authority.server_file

    def own(key: Path | str) -> Settings:
        return load_settings(
            tmp_path, {"GATEHOUSE_TLS_CERTIFICATE": str(chain), "GATEHOUSE_TLS_KEY": str(key)}
        )

    foreign = tmp_path / "elsewhere" / "authority-private.pem"
    for key in ("", tmp_path / "missing.pem", foreign):
        with pytest.raises(InvalidInput):
            tls.server_context(own(key))
    os.chmod(chain, 0o644)
    with pytest.raises(InvalidInput, match="other users"):
        tls.server_context(own(chain))
    expired = LocalAuthority(tmp_path / "expired")
    expired.ensure(SystemClock().now() - 2 * LEAF_DAYS * DAY)
    chain = expired.server_file
    with pytest.raises(NotReady, match="expired"):
        tls.server_context(own(chain))

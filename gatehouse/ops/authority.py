"""A certificate authority of one machine, for `https://localhost` without anybody's help.

It can vouch for loopback names only (RFC 5280 section 4.2.1.10, name constraints, critical), so that
trusting it gives away nothing else even if its key is stolen. Never for production: a real
certificate takes its place by setting. Files appear whole or not at all.
"""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gatehouse.clock import as_datetime
from gatehouse.errors import IntegrityError, Unavailable

AUTHORITY_DAYS = 825
LEAF_DAYS = 90
RENEW_DAYS = 30  # a leaf with less left is replaced
BACKDATED = datetime.timedelta(minutes=10)  # for browsers whose clock is a little behind

NAME = "localhost"
ADDRESSES = (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key with its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def days_left(self, now: float) -> float:
        """Days until it expires; negative when it has."""
        ends = self.certificate.not_valid_after_utc
        return (ends - as_datetime(now)).total_seconds() / 86400

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


class LocalAuthority:
    """The authority in one directory (mode 0700); its files have mode 0600.

    `authority.pem` is the certificate to trust, `authority-private.pem` the authority with its key,
    `server.pem` the server's key and certificate chain.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def certificate_file(self) -> Path:
        return self._directory / "authority.pem"

    @property
    def server_file(self) -> Path:
        return self._directory / "server.pem"

    def ensure(self, now: float, *, renew: bool = False) -> bool:
        """Make what is missing or about to expire at `now`; true when anything was made.

        With `renew` the server's certificate is replaced in any case. Raises `IntegrityError` for a
        file that is not what was written and `Unavailable` when nothing can be written.
        """
        try:
            with self._locked():
                return self._ensure(now, renew)
        except OSError as error:
            raise Unavailable(
                f"the local certificate authority cannot be written: {error.strerror}",
                "check tls.directory and its permissions",
            ) from error

    def authority(self) -> Identity | None:
        """The authority, None when there is none yet; raises `IntegrityError`."""
        return _load(self._directory / "authority-private.pem")

    def server(self) -> Identity | None:
        """The server's key and certificate, None when there are none yet."""
        return _load(self.server_file)

    def _ensure(self, now: float, renew: bool) -> bool:
        authority, made = self.authority(), False
        # A leaf must not outlive its authority, so that one is replaced a leaf's life earlier.
        if authority is None or authority.days_left(now) < LEAF_DAYS:
            authority, made = _new_authority(now), True
            self._write("authority-private.pem", _pem(authority.key, authority.certificate))
        public = authority.certificate.public_bytes(serialization.Encoding.PEM)
        if not self.certificate_file.exists() or self.certificate_file.read_bytes() != public:
            self._write("authority.pem", public)
        server = self.server()
        if made or renew or server is None or not _is_current(server, authority, now):
            server = _new_leaf(authority, now)
            self._write("server.pem", _pem(server.key, server.certificate, authority.certificate))
            made = True
        return made

    def _write(self, name: str, content: bytes) -> None:
        target = self._directory / name
        temporary = self._directory / f".{name}.new"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._directory / ".lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _is_current(server: Identity, authority: Identity, now: float) -> bool:
    return (
        server.days_left(now) >= RENEW_DAYS
        and as_datetime(now) >= server.certificate.not_valid_before_utc
        and server.certificate.issuer == authority.certificate.subject
        and _is_signed_by(server.certificate, authority.certificate)
    )


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _new_authority(now: float) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # The number keeps a new authority apart from an old one that a browser still trusts.
    name = _name(f"Gatehouse local authority {serial % 0xFFFFFF:06x}")
    limits = [x509.DNSName(NAME), *(x509.IPAddress(network) for network in ADDRESSES)]
    builder = (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(limits, None), critical=True)
    )
    return Identity(key, builder.sign(key, hashes.SHA256()))


def _new_leaf(authority: Identity, now: float) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.DNSName(NAME),
        *(x509.IPAddress(network.network_address) for network in ADDRESSES),
    ]
    issuer = authority.certificate
    builder = (
        _builder(_name(NAME), issuer.subject, key, now, LEAF_DAYS)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    return Identity(key, builder.sign(authority.key, hashes.SHA256()))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: float,
    days: int,
) -> x509.CertificateBuilder:
    start = as_datetime(now)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .not_valid_before(start - BACKDATED)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey, *certificates: x509.Certificate) -> bytes:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = [item.public_bytes(serialization.Encoding.PEM) for item in certificates]
    return b"".join([private, *chain])


def _load(path: Path) -> Identity | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificates(content)[0]
    except (ValueError, TypeError, IndexError) as error:
        raise _damaged(path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _damaged(path)
    if key.public_key() != certificate.public_key():
        raise _damaged(path)
    return Identity(key, certificate)


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"the certificate file is damaged: {path.name}",
        f"move {path} away; a new one is made at the next start",
    )

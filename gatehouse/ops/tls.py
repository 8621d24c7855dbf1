"""HTTPS for the serving process: which certificate, and with which protocol settings.

An operator's certificate where one is set, else one of the local authority. There is no way to serve
without TLS from here, and no way to accept TLS 1.1 or a cipher without forward secrecy.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gatehouse.clock import Clock, SystemClock, as_datetime
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.authority import LocalAuthority
from gatehouse.ops.plain_http import Context
from gatehouse.settings import Settings

# TLS 1.2 only; TLS 1.3 has no weak ones. RFC 9325 section 4.2.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"


@dataclass(frozen=True, slots=True)
class TlsStatus:
    """What the server presents: whose certificate, until when (epoch seconds), its SHA-256."""

    local: bool
    subject: str
    expires_at: float
    fingerprint: str


def uses_local_authority(settings: Settings) -> bool:
    """Whether the certificate comes from the local authority; a production start refuses that."""
    return not settings.tls.certificate


def local_authority(settings: Settings) -> LocalAuthority:
    """The local authority of this deployment, whether or not it exists yet."""
    return LocalAuthority(settings.path(settings.tls.directory))


def ensure_certificate(settings: Settings, now: float) -> bool:
    """Make or renew the local certificate where it is used; true when anything was made."""
    return uses_local_authority(settings) and local_authority(settings).ensure(now)


def server_context(settings: Settings, clock: Clock | None = None) -> ssl.SSLContext:
    """The context to serve with; makes or renews the local certificate when that is due.

    Raises `InvalidInput` for a certificate or key that cannot be used and `NotReady` for one that
    has expired.
    """
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.page = f"{settings.server.origin.rstrip('/')}/chat"
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_alpn_protocols(["http/1.1"])
    refresh(context, settings, clock)
    return context


def handshaking(settings: Settings) -> dict[str, float]:
    """What the event loop's server is told of TLS handshakes: how many seconds one may take."""
    return {"ssl_handshake_timeout": float(settings.limits.handshake)}


def refresh(context: ssl.SSLContext, settings: Settings, clock: Clock | None = None) -> None:
    """Load the current certificate into `context`; new connections use it, open ones go on.

    A serving process calls it daily, so that a renewed certificate takes effect without a restart.
    """
    clock = clock or SystemClock()
    if uses_local_authority(settings):
        ensure_certificate(settings, clock.now())
        context.load_cert_chain(local_authority(settings).server_file)
        return
    certificate, key = _operator_files(settings)
    status(settings, clock)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise InvalidInput(
            "tls.certificate and tls.key cannot be used together",
            "give the PEM chain, server certificate first, and its unencrypted private key",
        ) from error


def status(settings: Settings, clock: Clock | None = None) -> TlsStatus:
    """What the server presents; raises `NotReady` when there is nothing or it has expired."""
    clock = clock or SystemClock()
    local = uses_local_authority(settings)
    if local:
        found = local_authority(settings).server()
        if found is None:
            raise NotReady("there is no certificate yet", "run `gatehouse tls init`")
        certificate = found.certificate
    else:
        certificate = _read_certificate(_operator_files(settings)[0])
    if certificate.not_valid_after_utc <= as_datetime(clock.now()):
        raise NotReady("the certificate has expired", "renew it and start again")
    return TlsStatus(
        local=local,
        subject=certificate.subject.rfc4514_string(),
        expires_at=certificate.not_valid_after_utc.timestamp(),
        fingerprint=_fingerprint(certificate),
    )


def _operator_files(settings: Settings) -> tuple[Path, Path]:
    if not settings.tls.key:
        raise InvalidInput("tls.key: missing, although tls.certificate is set")
    certificate, key = settings.path(settings.tls.certificate), settings.path(settings.tls.key)
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise InvalidInput("tls.key: the file cannot be read") from error
    if mode & 0o077:
        raise InvalidInput("tls.key: other users can read the file", f"chmod 600 {key}")
    return certificate, key


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        raise InvalidInput("tls.certificate: not a readable PEM certificate") from error


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _no_password() -> str:
    # Without a callback OpenSSL would ask on the terminal and the start would hang.
    raise ValueError("the key is encrypted")

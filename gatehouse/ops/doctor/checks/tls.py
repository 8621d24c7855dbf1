"""The certificate: how long it holds, whether key and name fit, and whose it is."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from cryptography import x509

from gatehouse.clock import as_datetime
from gatehouse.errors import GatehouseError
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject
from gatehouse.ops.tls import local_authority, uses_local_authority

_DAY = 86400.0
_SOON = 30.0  # days: time to order a new one
_VERY_SOON = 7.0
_REAL = setting("tls.certificate", '"/path/chain.pem", and key = "/path/key.pem"')


def look(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    if uses_local_authority(settings):
        yield from _local(subject)
        return
    certificate, key = settings.path(settings.tls.certificate), settings.path(settings.tls.key)
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError, IndexError):
        yield bad("tls.unreadable", "tls.certificate is no readable PEM certificate", _REAL)
        return
    yield from _expiry(subject, found, _REAL)
    if not settings.tls.key:
        yield bad("tls.no_key", "tls.key is not set", _REAL)
    else:
        yield from _pair(str(certificate), str(key))
    host = urlsplit(settings.server.origin).hostname or ""
    if not _names(found, host):
        yield bad("tls.name", f"the certificate is not made for {host}", _REAL)


def _pair(certificate: str, key: str) -> Iterator[Finding]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError):
        yield bad("tls.key", "tls.key does not open or is not the certificate's", _REAL)


def _local(subject: Subject) -> Iterator[Finding]:
    try:
        found = local_authority(subject.settings).server()
    except GatehouseError as error:
        yield bad("tls.damaged", error.message, "gatehouse tls init", altered=True)
        return
    if found is None:
        yield advice("tls.none", "there is no certificate yet", "gatehouse tls init")
        return
    yield from _expiry(subject, found.certificate, "gatehouse tls renew")
    if subject.production:
        yield bad("tls.local", "production serves with the local authority", _REAL)


def _expiry(subject: Subject, found: x509.Certificate, mend: str) -> Iterator[Finding]:
    now = as_datetime(subject.clock.now())
    days = (found.not_valid_after_utc - now).total_seconds() / _DAY
    if found.not_valid_before_utc > now:
        yield bad("tls.not_yet", "the certificate does not hold yet", mend)
    elif days <= 0:
        yield bad("tls.expired", f"the certificate expired {-days:.0f} days ago", mend)
    elif days < _VERY_SOON:
        yield bad("tls.expires", f"the certificate expires in {days:.0f} days", mend)
    elif days < _SOON:
        yield advice("tls.expires", f"the certificate expires in {days:.0f} days", mend)
    else:
        yield good("tls.holds", f"the certificate holds for {days:.0f} days")


def _names(found: x509.Certificate, host: str) -> bool:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        pass
    parent = host.partition(".")[2]
    dns = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return host in dns or (bool(parent) and f"*.{parent}" in dns)


def _no_password() -> str:
    raise ValueError("the key is encrypted")

"""A deployment as the internet would see it: a name of its own and an operator's certificate."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.e2e.deployment import Deployment

NAME = "desk.example.org"
_PEM = serialization.Encoding.PEM


def certified(home: Path, **settings: str) -> Deployment:
    """A deployment whose public origin is `https://desk.example.org:<port>`.

    `ca.pem` in its home is the authority that signed its certificate.
    """
    deployment = Deployment(home, **settings)
    _write_certificate(home)
    deployment.environment |= {
        "GATEHOUSE_SERVER_PUBLIC_ORIGIN": f"https://{NAME}:{deployment.port}",
        "GATEHOUSE_TLS_CERTIFICATE": "server.pem",
        "GATEHOUSE_TLS_KEY": "server.key",
    }
    return deployment


def _write_certificate(home: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def builder(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = (
        builder(ca_name, ca_key.public_key(), 90)
        .add_extension(x509.BasicConstraints(True, 0), True)
        .add_extension(usage, True)
        .add_extension(identifier, False)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    leaf = (
        builder(subject, key.public_key(), 89)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False
        )
        .sign(ca_key, hashes.SHA256())
    )
    (home / "ca.pem").write_bytes(ca.public_bytes(_PEM))
    (home / "server.pem").write_bytes(leaf.public_bytes(_PEM) + ca.public_bytes(_PEM))
    (home / "server.key").write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (home / "server.key").chmod(0o600)

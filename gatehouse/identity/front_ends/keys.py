"""Public keys of front ends: Ed25519 or P-256, as JSON Web Keys (RFC 7517, RFC 8037).

The key decides the algorithm, never the token that it is to verify (RFC 8725, section 3.1). Anything that
holds a private part is refused, so that nobody registers a secret by mistake and it is never stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from gatehouse.errors import InvalidInput

_NUMBER = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes
_SHAPES = {
    ("OKP", "Ed25519"): ("EdDSA", ("crv", "kty", "x")),
    ("EC", "P-256"): ("ES256", ("crv", "kty", "x", "y")),
}
_HARMLESS = {"use", "alg", "kid", "key_ops"}
_COMMON_NAME = NameOID.COMMON_NAME
_WANTED = "it takes an Ed25519 or P-256 key, and a proof by its holder for this domain"


class KeyNotAccepted(InvalidInput):
    """It is not a key that a front end may have, or nobody showed to hold it."""

    def __init__(self) -> None:
        super().__init__("the key of the front end is not accepted", _WANTED)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, its `algorithm` (`EdDSA` or `ES256`), and its thumbprint (RFC 7638) as `id`."""

    id: str
    algorithm: str
    jwk: str
    value: Any = field(repr=False, compare=False)

    @property
    def uri(self) -> str:
        """The thumbprint as a name of its own (RFC 9278)."""
        return f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{self.id}"

    @classmethod
    def of(cls, members: object) -> PublicKey:
        """The key in the members of a JSON Web Key; raises `KeyNotAccepted`."""
        if not isinstance(members, dict):
            raise KeyNotAccepted
        shape = _SHAPES.get((str(members.get("kty")), str(members.get("crv"))))
        if shape is None:
            raise KeyNotAccepted
        algorithm, names = shape
        if set(members) - set(names) - _HARMLESS or members.get("alg", algorithm) != algorithm:
            raise KeyNotAccepted
        numbers = [_number(members.get(name)) for name in names if name in ("x", "y")]
        try:
            value: Any = (
                Ed25519PublicKey.from_public_bytes(numbers[0])
                if algorithm == "EdDSA"
                else _point(*numbers).public_key()
            )
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyNotAccepted from error
        jwk = json.dumps({name: members[name] for name in names}, separators=(",", ":"))
        thumbprint = _encoded(hashlib.sha256(jwk.encode()).digest())
        return cls(thumbprint, algorithm, jwk, value)

    @classmethod
    def held(cls, request: bytes, domain: str) -> PublicKey:
        """The key of a certificate request (PEM, PKCS #10) that its holder signed for `domain`.

        Its common name is the domain. Nothing else of it counts; no certificate is made. Raises `KeyNotAccepted`.
        """
        try:
            read = x509.load_pem_x509_csr(request)
            signed = read.is_signature_valid
            named = [str(name.value) for name in read.subject.get_attributes_for_oid(_COMMON_NAME)]
            key = read.public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyNotAccepted from error
        if not signed or [name.casefold() for name in named] != [domain.casefold()]:
            raise KeyNotAccepted
        return cls._loaded(key)

    @classmethod
    def _loaded(cls, loaded: object) -> PublicKey:
        if isinstance(loaded, Ed25519PublicKey):
            raw = loaded.public_bytes(Encoding.Raw, PublicFormat.Raw)
            return cls.of({"kty": "OKP", "crv": "Ed25519", "x": _encoded(raw)})
        if isinstance(loaded, ec.EllipticCurvePublicKey) and loaded.curve.name == "secp256r1":
            point = loaded.public_numbers()
            x, y = (_encoded(number.to_bytes(32, "big")) for number in (point.x, point.y))
            return cls.of({"kty": "EC", "crv": "P-256", "x": x, "y": y})
        raise KeyNotAccepted


def _point(x: bytes, y: bytes) -> ec.EllipticCurvePublicNumbers:
    number = int.from_bytes
    return ec.EllipticCurvePublicNumbers(number(x, "big"), number(y, "big"), ec.SECP256R1())


def _number(text: object) -> bytes:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise KeyNotAccepted
    try:
        raw = base64.urlsafe_b64decode(text + "=")
    except binascii.Error as error:
        raise KeyNotAccepted from error
    if _encoded(raw) != text:
        raise KeyNotAccepted  # the same key could otherwise be written in several ways
    return raw


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

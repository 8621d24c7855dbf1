"""The primitives under the envelope, against Wycheproof's vectors."""

from __future__ import annotations

from collections import Counter

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.unit.keys.vectors import groups

# Valid cases with nonces that `cryptography` refuses: it takes 8 to 128 bytes, the envelope uses 12.
REFUSED_NONCES = 27


def test_aes_gcm_agrees_with_wycheproof() -> None:
    """Every AES-GCM vector seals and opens, or is refused, as Wycheproof says."""
    outcomes: Counter[str] = Counter()
    for group in groups("aes_gcm_test.json"):
        for case in group["tests"]:
            outcomes[_gcm_outcome(case)] += 1
    assert outcomes.pop("nonce refused") == REFUSED_NONCES
    assert set(outcomes) == {"valid", "invalid"}
    assert sum(outcomes.values()) == 316 - REFUSED_NONCES


def _gcm_outcome(case: dict[str, str]) -> str:
    key, nonce, aad, message, ciphertext, tag = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
    )
    if not 8 <= len(nonce) <= 128:
        return "nonce refused" if case["result"] == "valid" else "invalid"
    try:
        opened = AESGCM(key).decrypt(nonce, ciphertext + tag, aad)
    except InvalidTag:
        assert case["result"] == "invalid", case
        return "invalid"
    assert case["result"] == "valid", case
    assert message == opened, case
    assert ciphertext + tag == AESGCM(key).encrypt(nonce, message, aad), case
    return "valid"


def test_hkdf_sha512_agrees_with_wycheproof() -> None:
    """Every HKDF-SHA-512 vector derives what Wycheproof says, or is refused for its size."""
    outcomes: Counter[str] = Counter()
    for group in groups("hkdf_sha512_test.json"):
        for case in group["tests"]:
            outcomes[_hkdf_outcome(case)] += 1
    assert set(outcomes) == {"valid", "invalid"}
    assert sum(outcomes.values()) == 83


def _hkdf_outcome(case: dict[str, object]) -> str:
    secret, salt, info, okm = (
        bytes.fromhex(str(case[name])) for name in ("ikm", "salt", "info", "okm")
    )
    try:
        derived = HKDF(SHA512(), int(str(case["size"])), salt, info).derive(secret)
    except ValueError:
        assert case["result"] == "invalid", case
        return "invalid"
    assert case["result"] == "valid", case
    assert okm == derived, case
    return "valid"


def test_ed25519_agrees_with_wycheproof() -> None:
    """Every Ed25519 vector verifies or is refused, as Wycheproof says; assertions, receipts and
    checkpoints of the log rest on it."""
    outcomes: Counter[str] = Counter()
    for group in groups("ed25519_test.json"):
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            try:
                public.verify(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
                outcome = "valid"
            except InvalidSignature:
                outcome = "invalid"
            assert case["result"] == outcome, case
            outcomes[outcome] += 1
    assert set(outcomes) == {"valid", "invalid"}
    assert sum(outcomes.values()) == 151


def test_chacha20_poly1305_agrees_with_its_rfc() -> None:
    """The vector of RFC 8439, section 2.8.2, seals and opens; Wycheproof's file is not at hand."""
    message = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it."
    )
    sealed = bytes.fromhex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
    )
    cipher = ChaCha20Poly1305(bytes(range(0x80, 0xA0)))
    nonce = bytes.fromhex("070000004041424344454647")
    aad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    assert sealed == cipher.encrypt(nonce, message, aad)
    assert message == cipher.decrypt(nonce, sealed, aad)
    with pytest.raises(InvalidTag):
        cipher.decrypt(nonce, sealed, aad + b"\0")

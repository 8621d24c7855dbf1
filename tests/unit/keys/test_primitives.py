"""The primitives under the envelope, against Wycheproof's vectors."""

from __future__ import annotations

from collections import Counter

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
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

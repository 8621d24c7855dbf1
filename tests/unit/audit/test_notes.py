"""Signed notes and checkpoints in the public formats, also against an example of their authors."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gatehouse.audit import CheckpointInvalid
from gatehouse.audit.checkpoint import (
    Checkpoint,
    Cosigner,
    PostQuantumSigner,
    Trust,
    verifier_of,
)
from gatehouse.audit.note import Ed25519Signer, check, sign, split

# The example of golang.org/x/mod/sumdb/note, where the format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6"
    "RyyBwJnAM=\n"
)
NAME = "log.example.org/desk"
LOG = Ed25519Signer(NAME, Ed25519PrivateKey.from_private_bytes(bytes(32)))
QUANTUM = PostQuantumSigner(
    NAME, MLDSA44PrivateKey.from_seed_bytes(bytes(32)), lambda: 1_800_000_000
)
WITNESS = Cosigner("w.example.org", Ed25519PrivateKey.from_private_bytes(b"w" * 32), lambda: 1e9)
TEXT = Checkpoint(NAME, 7, bytes(range(32))).text()
TRUST = Trust(NAME, [LOG.verifier(), QUANTUM.verifier()], [WITNESS.verifier()])


def test_the_example_of_the_format_verifies() -> None:
    """A note and a key that nobody here made are read and verified."""
    text, good = check(GO_NOTE, [verifier_of(GO_KEY)])
    assert (2, ["PeterNeumann"]) == (text.count("\n"), [key.name for key in good])
    with pytest.raises(CheckpointInvalid, match="the signature of PeterNeumann is wrong"):
        check(GO_NOTE.replace("answer", "problem"), [verifier_of(GO_KEY)])


def test_three_kinds_of_signatures_verify_together() -> None:
    """Ed25519, ML-DSA-44 and a witness's cosignature stand on one checkpoint."""
    note = sign(TEXT, [LOG, QUANTUM, WITNESS])
    signed = TRUST.read(note)
    assert (7, bytes(range(32))) == (signed.checkpoint.size, signed.checkpoint.root)
    assert ("w.example.org",) == signed.witnesses
    lengths = [len(signature) for _, _, signature in split(note)[1]]
    assert [64, 8 + 2420, 8 + 64] == lengths
    for key in (LOG.verifier(), QUANTUM.verifier(), WITNESS.verifier()):
        assert key == verifier_of(key.vkey)


@pytest.mark.parametrize("signer", [LOG, QUANTUM, WITNESS])
def test_every_signature_covers_the_checkpoint(signer: Ed25519Signer) -> None:
    """A known signature under a changed checkpoint refuses the whole note."""
    note = sign(TEXT, [LOG]) if signer is LOG else sign(TEXT, [LOG, signer])
    changed = sign(TEXT.replace("\n7\n", "\n8\n"), [] if signer is LOG else [LOG])
    lines = note.rpartition("\n\n")[2].splitlines(keepends=True)
    with pytest.raises(CheckpointInvalid, match="is wrong"):
        TRUST.read(changed + lines[-1])


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ("", "not a signed note"),
        (TEXT, "not a signed note"),
        (TEXT + "\n", "not a signed note"),
        (TEXT + "\n— nobody\n", "cannot be read"),
        (sign(TEXT, [WITNESS]), "not signed with the key of this log"),
        (sign(TEXT.replace(NAME, "other.example.org"), [LOG]), "of another log"),
        (sign(TEXT.replace("\n7\n", "\n07\n"), [LOG]), "size cannot be read"),
        (sign(TEXT.replace("\n7\n", "\n-7\n"), [LOG]), "size cannot be read"),
        (sign(TEXT + "an extension\n", [LOG]), "not a checkpoint"),
        (sign(f"{NAME}\n7\nAAAA\n", [LOG]), "does not have 32 bytes"),
        (sign(TEXT, [LOG]).replace("\n7\n", "\r\n7\n"), "control characters"),
        (sign(TEXT, [LOG]) + "x" * 200_000, "not a signed note"),
    ],
)
def test_what_is_no_checkpoint_of_this_log_is_refused(note: str, reason: str) -> None:
    """Malformed, foreign and unsigned notes are refused with the reason."""
    with pytest.raises(CheckpointInvalid, match=reason):
        TRUST.read(note)


@pytest.mark.parametrize(
    "text", ["", "a", "a+b+c", "a+00000000+AQ==", GO_KEY[:-4], "a b+" + GO_KEY]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """A verifier key whose parts do not belong together is refused."""
    with pytest.raises(ValueError):
        verifier_of(text)

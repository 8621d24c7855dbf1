"""Inclusion and consistency proofs, and the one-file form that an outsider checks offline.

Making a proof reads stored nodes; checking one trusts nothing but the root it is checked against.
Formats: RFC 9162 (2.1.3 and 2.1.4) and C2SP tlog-proof@v1. A check raises, it never returns False.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gatehouse.audit.tree import EMPTY_ROOT, HASH_SIZE, NodeOf, join, subtree
from gatehouse.errors import IntegrityError

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_LINES = 64


class ProofInvalid(IntegrityError):
    """A proof does not show what it claims, or is no proof at all."""


def inclusion_proof(index: int, size: int, node_of: NodeOf, leaf_of: NodeOf) -> list[bytes]:
    """The hashes from the leaf's sibling to the root's child (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(subtree(split, end, node_of, leaf_of))
            end = split
        else:
            path.append(subtree(start, split, node_of, leaf_of))
            start = split
    return path[::-1]


def consistency_proof(first: int, second: int, node_of: NodeOf, leaf_of: NodeOf) -> list[bytes]:
    """That the tree of `second` leaves begins with that of `first` (RFC 9162, 2.1.4.1)."""
    if not 0 <= first <= second:
        raise ValueError("a tree cannot be consistent with a larger one")
    if first in (0, second):
        return []
    path: list[bytes] = []
    start, end, whole = 0, second, True
    while first != end:
        split = start + _split(end - start)
        if first <= split:
            path.append(subtree(split, end, node_of, leaf_of))
            end = split
        else:
            path.append(subtree(start, split, node_of, leaf_of))
            start, whole = split, False
    if not whole:
        path.append(subtree(start, end, node_of, leaf_of))
    return path[::-1]


def check_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf` (a leaf hash) is at `index` (RFC 9162, 2.1.3.2). Raises `ProofInvalid`."""
    _require_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise ProofInvalid("the tree has no such leaf")
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if node & 1 or node == last:
            computed = join(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = join(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofInvalid("the inclusion proof is too short")
    _require_same(computed, root, "the inclusion proof leads to another root")


def check_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the second tree begins with the first (RFC 9162, 2.1.4.2).

    Raises `ProofInvalid`. Beyond the RFC's text: an empty tree is the beginning of every tree, needs
    no proof, and its root must be the hash of nothing.
    """
    if not 0 <= first <= second:
        raise ProofInvalid("a tree cannot be consistent with a larger one")
    if first in (0, second):
        if proof:
            raise ProofInvalid("the consistency proof is too long")
        if first == second:
            _require_same(first_root, second_root, "two trees of one size have different roots")
        else:
            _require_hashes(second_root)
        if first == 0:
            _require_same(first_root, EMPTY_ROOT, "the root of the empty tree is another one")
        return
    _require_hashes(first_root, second_root, *proof)
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise ProofInvalid("the consistency proof is too short")
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long")
        if node & 1 or node == last:
            old, new = join(sibling, old), join(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = join(new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofInvalid("the consistency proof is too short")
    _require_same(old, first_root, "the consistency proof leads to another first root")
    _require_same(new, second_root, "the consistency proof leads to another second root")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """One entry, its place and the checkpoint it is under, as one file (C2SP tlog-proof@v1).

    `data` is the entry itself. The format calls it extra and does not authenticate it; here the
    leaf is computed from it, so that a checked proof vouches for it too.
    """

    index: int
    path: list[bytes]
    checkpoint: str
    data: bytes

    def format(self) -> str:
        """The text of the file."""
        lines = [_HEADER, f"extra {_b64(self.data)}", f"index {self.index}", *map(_b64, self.path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """Raises `ProofInvalid` when `text` is not such a file with an entry in it."""
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines[0] != _HEADER or not 3 <= len(lines) <= 3 + _MAX_LINES:
            raise ProofInvalid("this is not a tlog-proof@v1 with an entry")
        extra = re.fullmatch(r"extra ([A-Za-z0-9+/]+=*)", lines[1])
        index = re.fullmatch(r"index (0|[1-9]\d{0,18})", lines[2])
        if not extra or not index:
            raise ProofInvalid("the proof names no entry or no index")
        path = [decode_hash(line) for line in lines[3:]]
        return cls(int(index[1]), path, checkpoint, _decode(extra[1]))


def decode_hash(line: str) -> bytes:
    """The 32 bytes of a base64 line; raises `ProofInvalid`."""
    value = _decode(line)
    _require_hashes(value)
    return value


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofInvalid("a line of the proof is not base64") from error


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _split(width: int) -> int:
    """The largest power of two that is less than `width`."""
    return 1 << (width - 1).bit_length() - 1


def _require_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofInvalid("a hash does not have 32 bytes")


def _require_same(actual: bytes, expected: bytes, otherwise: str) -> None:
    if not hmac.compare_digest(actual, expected):
        raise ProofInvalid(otherwise)

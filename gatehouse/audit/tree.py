"""The Merkle tree of RFC 6962 and RFC 9162, kept so that appending is cheap and verifying streams.

Every entry stores one hash, its *node*: the root of the largest complete subtree that ends with it.
The left edge of a tree of any size, and with it the root, is a handful of stored nodes, so an append
reads and writes O(log n) hashes and a verifier keeps O(log n) in memory. Nothing here reads a
database or trusts a stored node; whoever needs certainty recomputes the nodes from the entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeOf = Callable[[int], bytes]
"""The stored node of the entry with a sequence number (from 1)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf, SHA-256(0x00 ‖ data) (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def join(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, SHA-256(0x01 ‖ left ‖ right) (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def edge(size: int) -> list[int]:
    """The sequence numbers whose nodes make up a tree of `size` leaves, widest subtree first."""
    numbers = []
    while size:
        numbers.append(size)
        size &= size - 1
    return numbers[::-1]


def merged(size: int) -> list[int]:
    """The sequence numbers whose nodes the next leaf after `size` completes, nearest first."""
    numbers = []
    step = 1
    while size & step:
        numbers.append(size)
        size -= step
        step <<= 1
    return numbers


def fold(nodes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees given from left to right (the nodes of `edge`)."""
    if not nodes:
        return EMPTY_ROOT
    root = nodes[-1]
    for left in reversed(nodes[:-1]):
        root = join(left, root)
    return root


def next_node(leaf: bytes, left_nodes: Sequence[bytes]) -> bytes:
    """The node of a new leaf, given the nodes of `merged`."""
    node = leaf
    for left in left_nodes:
        node = join(left, node)
    return node


class Frontier:
    """The left edge of a growing tree: all that is needed to add leaves and to tell the root."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """`nodes` are those of `edge(size)`."""
        if len(nodes) != size.bit_count():
            raise ValueError("a tree of this size has another number of complete subtrees")
        self.size = size
        self._nodes = list(nodes)

    def push(self, leaf: bytes) -> bytes:
        """Add a leaf hash; the node of its entry."""
        node, size = leaf, self.size
        while size & 1:
            node = hashlib.sha256(b"\x01" + self._nodes.pop() + node).digest()
            size >>= 1
        self._nodes.append(node)
        self.size += 1
        return node

    def copy(self) -> Frontier:
        """The same edge, to go on from without changing this one."""
        return Frontier(self.size, self._nodes)

    def root(self) -> bytes:
        """The root of the tree so far."""
        return fold(self._nodes)


def root_of(size: int, node_of: NodeOf) -> bytes:
    """The root of the first `size` entries, from stored nodes."""
    return fold([node_of(number) for number in edge(size)])


def subtree(start: int, end: int, node_of: NodeOf, leaf_of: NodeOf) -> bytes:
    """The root of the leaves with indices `start` ≤ i < `end`, from stored nodes and leaf hashes.

    `end - start` need not be a power of two, but `start` must be a multiple of the smallest power of
    two that is not less, as for every subtree that a proof names. Costs O(log² n) look-ups.
    """
    width = end - start
    if width == 1:
        return leaf_of(end)
    if width & (width - 1) == 0 and (end // width) & 1:
        return node_of(end)  # a left child is stored as it is
    half = 1 << (width - 1).bit_length() - 1
    left = subtree(start, start + half, node_of, leaf_of)
    return join(left, subtree(start + half, end, node_of, leaf_of))

"""The Merkle tree and its proofs, against vectors that nobody here wrote and against the definition."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.audit.proofs import (
    ProofInvalid,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
)
from gatehouse.audit.tree import EMPTY_ROOT, Frontier, join, leaf_hash, root_of
from tests.needs import need

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "merkle"


def vectors(name: str) -> list[dict[str, Any]]:
    path = VECTORS / f"{name}.json"
    missing = f"the vectors beside the project are absent: shared/vectors/merkle/{name}.json"
    need(path.is_file(), missing)
    cases: list[dict[str, Any]] = json.loads(path.read_text())
    return cases


def unbase64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_inclusion_vectors() -> None:
    """All 98 inclusion cases of transparency-dev/merkle come out as they should."""
    wrong = []
    cases = vectors("inclusion")
    for case in cases:
        try:
            check_inclusion(
                case["leafIdx"],
                case["treeSize"],
                unbase64(case["leafHash"]),
                [unbase64(line) for line in case["proof"] or []],
                unbase64(case["root"]),
            )
            refused = False
        except ProofInvalid:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["name"])
    assert (98, []) == (len(cases), wrong)


def test_consistency_vectors() -> None:
    """All 98 consistency cases of transparency-dev/merkle come out as they should."""
    wrong = []
    cases = vectors("consistency")
    for case in cases:
        try:
            check_consistency(
                case["size1"],
                case["size2"],
                unbase64(case["root1"]),
                unbase64(case["root2"]),
                [unbase64(line) for line in case["proof"] or []],
            )
            refused = False
        except ProofInvalid:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["name"])
    assert (98, []) == (len(cases), wrong)


def by_definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 9162, 2.1.1 defines it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return join(by_definition(leaves[:split]), by_definition(leaves[split:]))


class Stored:
    """Leaves and nodes as the log stores them."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(str(number).encode()) for number in range(size)]
        frontier = Frontier()
        self.nodes = [frontier.push(leaf) for leaf in self.leaves]

    def node(self, sequence: int) -> bytes:
        return self.nodes[sequence - 1]

    def leaf(self, sequence: int) -> bytes:
        return self.leaves[sequence - 1]


STORED = Stored(130)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 130))
def test_stored_nodes_give_the_defined_root(size: int) -> None:
    """For every size the root from stored nodes is the root of the definition."""
    assert by_definition(STORED.leaves[:size]) == root_of(size, STORED.node)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_proofs_prove_what_they_say_and_nothing_else(data: st.DataObject) -> None:
    """A made proof checks, and not for another leaf, another place or a changed hash."""
    size = data.draw(st.integers(1, 130))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, STORED.node, STORED.leaf)
    root = root_of(size, STORED.node)
    check_inclusion(index, size, STORED.leaves[index], proof, root)
    for other in {index ^ 1, index + 1, size} - {index}:
        with pytest.raises(ProofInvalid):
            check_inclusion(other, size, STORED.leaves[index], proof, root)
    with pytest.raises(ProofInvalid):
        check_inclusion(index, size, leaf_hash(b"other"), proof, root)
    if proof:
        changed = [bytes(32), *proof[1:]]
        with pytest.raises(ProofInvalid):
            check_inclusion(index, size, STORED.leaves[index], changed, root)
    first = data.draw(st.integers(0, size))
    old = root_of(first, STORED.node)
    steps = consistency_proof(first, size, STORED.node, STORED.leaf)
    check_consistency(first, size, old, root, steps)
    with pytest.raises(ProofInvalid):
        check_consistency(first, size, bytes(32), root, steps)
    if first < size and first:
        with pytest.raises(ProofInvalid):
            check_consistency(first, size, old, bytes(32), steps)

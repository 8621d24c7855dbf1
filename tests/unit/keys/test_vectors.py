"""The envelope against vectors that were computed without it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from gatehouse.keys import EnvelopeError, associated_data, unseal

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "envelope.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    """It opens to exactly its plaintext, or is refused, for the reason that it states."""
    associated = associated_data(**vector["associated"])
    assert bytes.fromhex(vector["encoding"]) == associated
    key, envelope = bytes.fromhex(vector["key"]), bytes.fromhex(vector["envelope"])
    if "plaintext" in vector:
        assert bytes.fromhex(vector["plaintext"]) == unseal(key, envelope, associated)
    else:
        with pytest.raises(EnvelopeError):
            unseal(key, envelope, associated)
            pytest.fail(f"it opened although {vector['reason']}")


def test_every_vector_says_what_to_expect() -> None:
    """Each has a plaintext or a reason, never both; both suites have both kinds."""
    for vector in VECTORS:
        assert ("plaintext" in vector) != bool(vector.get("reason")), vector["name"]
    assert sum("plaintext" in vector for vector in VECTORS) == 8
    assert len(VECTORS) == len({vector["name"] for vector in VECTORS})


def test_the_vectors_are_what_their_maker_writes(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody edited them by hand."""
    runpy.run_path(str(FOLDER / "make_envelope.py"), run_name="__main__")
    assert (FOLDER / "envelope.json").read_text(encoding="utf-8") == capsys.readouterr().out

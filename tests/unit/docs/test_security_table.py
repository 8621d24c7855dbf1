"""SECURITY.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def named_tests() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", (PROJECT / "SECURITY.md").read_text(encoding="utf-8")))


def existing_tests() -> set[str]:
    files = [*PROJECT.glob("tests/**/test_*.py"), *PROJECT.glob("lean/tests/test_*.py")]
    return {
        name
        for file in files
        for name in re.findall(
            r"^\s*(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def test_every_named_proof_exists() -> None:
    """No row of the threat table rests on a test that is not there."""
    named = named_tests()
    assert len(named) > 50
    assert set() == named - existing_tests()


def test_every_row_has_a_proof_or_says_not_yet() -> None:
    """A row without a test says what is not done yet."""
    rows = [
        line
        for line in (PROJECT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith(("| threat", "| Rasa |", "| ---"))
    ]
    assert [] == [row for row in rows if "`test_" not in row and "not yet" not in row]

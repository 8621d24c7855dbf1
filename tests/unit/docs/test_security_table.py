"""SECURITY.md and the tables of the channel name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]


TABLES = ("SECURITY.md", "docs/channel.md")


def named_tests(table: str) -> set[str]:
    return set(re.findall(r"`(test_\w+)`", (PROJECT / table).read_text(encoding="utf-8")))


def existing_tests() -> set[str]:
    files = [*PROJECT.glob("tests/**/test_*.py"), *PROJECT.glob("lean/tests/test_*.py")]
    return {
        name
        for file in files
        for name in re.findall(
            r"^\s*(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_named_proof_exists(table: str) -> None:
    """No row of the threat table rests on a test that is not there."""
    named = named_tests(table)
    assert len(named) > 50
    assert set() == named - existing_tests()


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_proof_or_says_not_yet(table: str) -> None:
    """A row without a test says what is not done yet."""
    rows = [
        line
        for line in (PROJECT / table).read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
        and not line.startswith(
            ("| threat", "| Rasa |", "| ---", "| what is kept out", "| expectation")
        )
    ]
    assert [] == [row for row in rows if "`test_" not in row and "not yet" not in row]

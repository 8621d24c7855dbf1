"""The example of docs/developing.md is trained and spoken with, as it is printed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.docs.test_developing_guide import GATEHOUSE, built, ran

__all__ = ["built"]  # a fixture

pytestmark = pytest.mark.outside


def test_the_action_works(built: Path) -> None:
    """The unit test of the guide passes in the copy."""
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/actions/test_parking.py")
    assert "2 passed" in ran(built, sys.executable, *command)


def test_the_conversation_goes_as_written(built: Path) -> None:
    """Trained with the new request, the conversation test of the guide passes."""
    ran(built, GATEHOUSE, "train")
    assert "2 passed, 0 failed" in ran(built, GATEHOUSE, "test")

"""Fixtures of the key tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing
from gatehouse.keys.envelope import write_with


@pytest.fixture(autouse=True)
def _usual_suite_afterwards() -> Iterator[None]:
    """The suite is one for the whole process: no test may leave it changed."""
    yield
    write_with("aes256gcm")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def ring(directory: Path, clock: SettableClock) -> KeyRing:
    return KeyRing.initialise(directory, clock)

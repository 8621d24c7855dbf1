"""Fixtures of the key tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def ring(directory: Path, clock: SettableClock) -> KeyRing:
    return KeyRing.initialise(directory, clock)

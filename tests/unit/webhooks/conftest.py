"""An authority, and another system whose certificate is of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatehouse.clock import SettableClock
from gatehouse.ops.authority import LocalAuthority
from gatehouse.webhooks.endpoints import Target
from tests.other_system import OtherSystem, other_system

OLD, NEW = b"o" * 32, b"n" * 32
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    found = LocalAuthority(tmp_path_factory.mktemp("authority"))
    import time

    found.ensure(time.time())
    return found


@pytest.fixture
def other(authority: LocalAuthority) -> Iterator[OtherSystem]:
    with other_system(authority) as running:
        yield running


def target_of(other: OtherSystem, **changes: Any) -> Target:
    """`other` as `webhooks.toml` would name it, with `changes`."""
    given: dict[str, Any] = {
        "name": "crm",
        "url": f"https://localhost:{other.port}/hooks?tenant=1",
        "keys": (NEW, OLD),
        "addresses": LOOPBACK,
        "authority": other.authority,
    }
    return Target(**{**given, **changes})


def path_of(directory: Path, text: str, name: str = "webhooks.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path

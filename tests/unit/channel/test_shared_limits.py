"""Windows that several processes share, in a real Redis."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gatehouse.channel import shared_limits
from gatehouse.channel.limits import TooMany
from gatehouse.channel.shared_limits import Windows
from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.settings import Settings, load_settings
from tests.needs import need

RING: Any = SimpleNamespace(service_key=lambda _purpose: b"k" * 32)


class Redis:
    """A Redis server on loopback that can be ended and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--dir", str(self._directory)),
            ],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("Redis did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = shutil.which("redis-server")
    need(server, "Redis is not installed (Debian's package: redis-server)")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def settings(tmp_path: Path, url: str) -> Settings:
    found = load_settings(tmp_path, {})
    return replace(found, limits=replace(found.limits, store=url))


async def admitted(limiter: shared_limits.Limiter, times: int, key: str = "a") -> int:
    """How many of `times` events pass."""
    passed = 0
    for _ in range(times):
        try:
            await limiter.count(key)
            passed += 1
        except TooMany as refused:
            assert 1 <= refused.retry_after <= 61
    return passed


def test_two_processes_share_one_allowance(redis: Redis, tmp_path: Path) -> None:
    """Five a minute are five in all, for each key, whichever process counts."""

    async def both() -> tuple[int, int]:
        given = settings(tmp_path, f"redis://127.0.0.1:{redis.port}/0")
        one, two = (Windows(SettableClock(), given, RING) for _ in range(2))
        first, second = (each.window(5, what="messages") for each in (one, two))
        passed = await admitted(first, 4) + await admitted(second, 4)
        other = await admitted(second, 3, "b")
        await one.close()
        await two.close()
        return passed, other

    assert (5, 3) == asyncio.run(both())


def test_redis_learns_no_person_and_no_address(redis: Redis, tmp_path: Path) -> None:
    """The keys in Redis are keyed hashes."""

    async def use() -> None:
        windows = Windows(
            SettableClock(), settings(tmp_path, f"redis://127.0.0.1:{redis.port}/0"), RING
        )
        await windows.window(5, what="strangers").count("203.0.113.7")
        await windows.close()

    asyncio.run(use())
    keys = subprocess.run(
        ["redis-cli", "-p", str(redis.port), "KEYS", "*"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "strangers" in keys
    assert "203.0.113.7" not in keys


def test_without_redis_each_process_counts_by_itself(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that dies neither opens the limits nor keeps people out; when it is back it counts."""
    monkeypatch.setattr(shared_limits, "AGAIN", 0.0)

    async def use() -> tuple[int, int, int]:
        windows = Windows(
            SettableClock(), settings(tmp_path, f"redis://127.0.0.1:{redis.port}/0"), RING
        )
        before = await admitted(windows.window(5, what="messages"), 8)
        redis.stop()
        without = await admitted(windows.window(5, what="requests"), 8)
        redis.start()
        after = await admitted(windows.window(5, what="codes"), 8)
        await windows.close()
        return before, without, after

    assert (5, 5, 5) == asyncio.run(use())


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis", "file:///etc/passwd"])
def test_another_address_stops_the_start(tmp_path: Path, url: str) -> None:
    """What is no Redis is named by its setting."""
    with pytest.raises(InvalidInput, match=r"limits\.store"):
        Windows(SettableClock(), settings(tmp_path, url), RING)


def test_one_process_needs_no_redis(tmp_path: Path) -> None:
    """Without the setting the windows are local and exact."""
    windows = Windows(SettableClock(), load_settings(tmp_path, {}), RING)
    assert 5 == asyncio.run(admitted(windows.window(5, what="messages"), 8))

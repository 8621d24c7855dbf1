"""What `gatehouse init` makes, and what it does not make."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from gatehouse.clock import SystemClock
from gatehouse.keys import KeyRing, KeyRingDamaged
from gatehouse.ops.initialise import initialise
from gatehouse.policy.errors import PolicyInvalid
from gatehouse.runtime import open_runtime

PROJECT = Path(__file__).resolve().parents[3]


def test_broken_policies_leave_nothing_behind(tmp_path: Path) -> None:
    """Mistakes in the policies are said before keys, certificate or tables are made."""
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "pay.yml").write_text("nonsense: 1\n", encoding="utf-8")
    with pytest.raises(PolicyInvalid):
        list(initialise(tmp_path))
    assert ["domain.yml", "policies"] == sorted(item.name for item in tmp_path.iterdir())


def test_nobody_can_sign_in_before_somebody_is_added(tmp_path: Path) -> None:
    """A deployment begins without any account, and a second `init` brings none (ASVS v5.0.0-6.3.2)."""
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    assert "keys made" in list(initialise(tmp_path))
    list(initialise(tmp_path))
    runtime = open_runtime(tmp_path)
    assert () == runtime.directory.people()
    runtime.close()


def test_a_ring_that_is_damaged_in_the_middle_is_not_called_ready(tmp_path: Path) -> None:
    """Its top opens and most of its keys; `init` says what `keys check` says, and changes nothing."""
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    assert "keys made" in list(initialise(tmp_path))
    clock = SystemClock()
    ring = KeyRing.open(tmp_path / "var" / "keys", clock)
    for number in range(20):
        ring.data_key(f"key {number}", clock.now() + 3600)
    ring.close()
    assert [] == list(initialise(tmp_path))
    with sqlite3.connect(tmp_path / "var" / "keys" / "ring.db") as database:
        day, shard, node = database.execute(
            "SELECT day, shard, node FROM pages WHERE day > 0 ORDER BY shard DESC"
        ).fetchone()
        altered = node[:-1] + bytes([node[-1] ^ 1])
        where = "WHERE day = ? AND shard = ?"
        database.execute(f"UPDATE pages SET node = ? {where}", (altered, day, shard))
    with pytest.raises(KeyRingDamaged) as caught:
        list(initialise(tmp_path))
    assert 5 == caught.value.exit_code

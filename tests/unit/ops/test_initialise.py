"""What `gatehouse init` makes, and what it does not make."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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

"""What is committed is source: no database, archive or dump that somebody's trial left behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
LARGEST = 256 * 1024  # bytes


def test_only_source_is_committed() -> None:
    """Every file is text, a picture of the guides, or small test data; none is large."""
    git = shutil.which("git")
    if git is None or not (PROJECT / ".git").exists():
        pytest.skip("this is no checkout")
    ask = [git, "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(ask, cwd=PROJECT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if (PROJECT / name).is_file()]
    assert 500 < len(names)
    assert [] == [name for name in names if (PROJECT / name).stat().st_size > LARGEST]
    pictures = [name for name in names if name.endswith(".png")]
    assert [] == [name for name in pictures if not name.startswith("docs/")]
    unreadable = [name for name in set(names) - set(pictures) if b"\0" in _content(name)]
    assert [] == unreadable


def _content(name: str) -> bytes:
    return (PROJECT / name).read_bytes()

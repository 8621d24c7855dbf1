"""What is committed is source: no database, archive or dump that somebody's trial left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
LARGEST = 256 * 1024  # bytes


def test_only_source_is_committed() -> None:
    """Every file is text, a picture of the guides, or small test data; none is large."""
    names = committed() if (PROJECT / ".git").exists() else unpacked()
    assert 500 < len(names)
    assert [] == [name for name in names if (PROJECT / name).stat().st_size > LARGEST]
    pictures = [name for name in names if name.endswith(".png")]
    assert [] == [name for name in pictures if not name.startswith("docs/")]
    unreadable = [name for name in set(names) - set(pictures) if b"\0" in _content(name)]
    assert [] == unreadable


def committed() -> list[str]:
    """What git keeps of the checkout."""
    ask = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(ask, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if (PROJECT / name).is_file()]


def unpacked() -> list[str]:
    """All files of an archive, but for what `make` and the tools put beside them."""
    made = {"node_modules", "models", "build", "results", "var", "__pycache__"}
    found = [path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file()]
    ours = [
        path
        for path in found
        if not made & set(path.parts)
        and not (path.parts[0].startswith(".") and path.parts[0] != ".ci")
        and not path.parts[0].endswith(".egg-info")
    ]
    return [str(path) for path in ours if path.name != "uv.lock"]


def _content(name: str) -> bytes:
    return (PROJECT / name).read_bytes()

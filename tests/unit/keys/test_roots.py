"""Roots as files: private, whole or not at all, and gone after destruction."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatehouse.keys import (
    EnvelopeError,
    FileRoot,
    KeyRingDamaged,
    KeyRingNotReady,
    KeyRingUnavailable,
    RootMissing,
)
from gatehouse.keys.roots import new_handle


@pytest.fixture
def root(tmp_path: Path) -> FileRoot:
    return FileRoot(tmp_path)


def made(root: FileRoot) -> str:
    handle = new_handle("0123456789abcdef" * 2)
    root.create(handle)
    return handle


def _file(root: FileRoot, handle: str) -> Path:
    return root._path(handle)


def test_unwraps_what_it_wrapped(root: FileRoot) -> None:
    """A generation opens what it wrapped, bound to its associated data."""
    handle = made(root)
    wrapped = root.wrap(handle, b"secret", b"place")
    assert root.unwrap(handle, wrapped, b"place") == b"secret"
    with pytest.raises(EnvelopeError):
        root.unwrap(handle, wrapped, b"other place")


def test_generations_do_not_open_each_other(root: FileRoot) -> None:
    """Each generation has a key of its own."""
    one, two = made(root), made(root)
    assert root.handles() == {one, two}
    with pytest.raises(EnvelopeError):
        root.unwrap(two, root.wrap(one, b"secret", b"place"), b"place")


def test_file_is_private(root: FileRoot) -> None:
    """A root is made with mode 0600 and refused once others can read it."""
    handle = made(root)
    assert _file(root, handle).stat().st_mode & 0o777 == 0o600
    _file(root, handle).chmod(0o640)
    with pytest.raises(KeyRingNotReady, match="read by others"):
        root.wrap(handle, b"secret", b"place")


def test_destroyed_is_gone(root: FileRoot) -> None:
    """After destruction nothing opens, and destroying again is no error."""
    handle, other = made(root), made(root)
    wrapped = root.wrap(handle, b"secret", b"place")
    root.destroy(handle)
    root.destroy(handle)
    assert root.handles() == {other}
    with pytest.raises(RootMissing):
        root.unwrap(handle, wrapped, b"place")


def test_destruction_overwrites_before_it_unlinks(root: FileRoot, tmp_path: Path) -> None:
    """Another name of the same file shows that its content was overwritten."""
    handle = made(root)
    before = _file(root, handle).read_bytes()
    os.link(_file(root, handle), tmp_path / "kept")
    root.destroy(handle)
    after = (tmp_path / "kept").read_bytes()
    assert len(after) == len(before)
    assert before[21:53] not in after


def test_irreversible_at_once(root: FileRoot) -> None:
    """A file is gone when it is destroyed; a key service may answer with a later time."""
    assert root.irreversible_at(123.0) == 123.0


@pytest.mark.parametrize("position", [0, 21, 52, 53, 84])
def test_damage_is_noticed(root: FileRoot, position: int) -> None:
    """A flipped byte anywhere in the file is refused, never used as a key."""
    handle = made(root)
    content = bytearray(_file(root, handle).read_bytes())
    content[position] ^= 1
    _file(root, handle).write_bytes(bytes(content))
    with pytest.raises(KeyRingDamaged):
        root.wrap(handle, b"secret", b"place")


def test_truncation_is_noticed(root: FileRoot) -> None:
    """A half-written root is refused."""
    handle = made(root)
    _file(root, handle).write_bytes(_file(root, handle).read_bytes()[:40])
    with pytest.raises(KeyRingDamaged):
        root.wrap(handle, b"secret", b"place")


def test_symbolic_links_are_not_followed(root: FileRoot, tmp_path: Path) -> None:
    """A root that was replaced by a link is refused."""
    handle = made(root)
    _file(root, handle).rename(tmp_path / "elsewhere")
    _file(root, handle).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRingUnavailable):
        root.wrap(handle, b"secret", b"place")


def test_handles_cannot_name_other_files(root: FileRoot) -> None:
    """A handle from a forged ring cannot reach outside the directory."""
    with pytest.raises(KeyRingDamaged):
        root.unwrap("../../etc/passwd", b"", b"place")

"""A sealed part is whole or nothing: cut, mixed, moved or under another key it does not open."""

from __future__ import annotations

import io
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.backup.errors import BackupDamaged, BackupNewer
from gatehouse.backup.sealing import CHUNK, TAG, SealedWriter, unseal_stream
from gatehouse.errors import GatehouseError

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
MAKER: dict[str, Any] = runpy.run_path(str(VECTORS / "make_backup.py"))
KEY, HEAD = MAKER["KEY"], MAKER["HEAD"]
FRONT = len(MAKER["sealed"](b"")) - TAG


def seal(content: bytes, *, piece: int = 1 << 16) -> bytes:
    out = io.BytesIO()
    with SealedWriter(out, KEY, HEAD) as writer:
        for at in range(0, len(content), piece):
            writer.write(content[at : at + piece])
    return out.getvalue()


def opened(file: bytes, key: bytes = KEY, head: dict[str, str] = HEAD) -> bytes:
    return b"".join(unseal_stream(io.BytesIO(file), key, head))


@pytest.mark.parametrize(
    "vector", json.loads((VECTORS / "backup.json").read_text()), ids=lambda one: str(one["name"])
)
def test_backup_vector(vector: dict[str, Any]) -> None:
    """The bytes are those of the description, and what must not open does not."""
    file, key = bytes.fromhex(vector["file"]), bytes.fromhex(vector["key"])
    if "content" in vector:
        assert bytes.fromhex(vector["content"]) == opened(file, key, vector["head"])
        return
    with pytest.raises((BackupDamaged, BackupNewer)):
        opened(file, key, vector["head"])


@pytest.mark.parametrize("length", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_the_borders_of_chunks(length: int) -> None:
    """What another implementation seals opens here, and what is sealed here has its shape."""
    content = MAKER["content_of"](length)
    assert content == opened(MAKER["sealed"](content))
    assert len(MAKER["sealed"](content)) == len(seal(content))
    assert content == opened(seal(content, piece=333_333))


def test_every_cut_shows() -> None:
    """Also one exactly between two chunks, where each of them is genuine by itself."""
    file = seal(MAKER["content_of"](2 * CHUNK + 5))
    borders = [FRONT + number * (CHUNK + TAG) for number in range(3)]
    for at in [0, 1, FRONT - 1, *borders, *(border + 1 for border in borders), len(file) - 1]:
        with pytest.raises(BackupDamaged):
            opened(file[:at])


def test_chunks_swapped_repeated_or_added_show() -> None:
    """A chunk is good in its own place only, and nothing follows the last."""
    file = seal(MAKER["content_of"](2 * CHUNK + 5))
    size = CHUNK + TAG
    first, second = file[FRONT : FRONT + size], file[FRONT + size : FRONT + 2 * size]
    rest = file[FRONT + 2 * size :]
    for body in (second + first + rest, first + first + rest, first + second + rest + rest,
                 first + rest, first + second + rest + b"\0"):  # fmt: skip
        with pytest.raises(BackupDamaged):
            opened(file[:FRONT] + body)


def test_an_unfinished_file_never_opens() -> None:
    """A writer that was interrupted leaves nothing that could be taken for a whole."""
    out = io.BytesIO()
    with pytest.raises(RuntimeError), SealedWriter(out, KEY, HEAD) as writer:
        writer.write(MAKER["content_of"](3 * CHUNK))
        raise RuntimeError
    with pytest.raises(BackupDamaged):
        opened(out.getvalue())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_bit_shows(data: st.DataObject) -> None:
    """Wherever it is: in the first line, the head, salt, commitment or content."""
    file = bytearray(seal(b"some content"))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(GatehouseError):
        opened(bytes(file))


def test_memory_stays_bounded() -> None:
    """The reader asks for one chunk at a time, however long the file is."""

    class Watched(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and size > 0
            Watched.largest = max(Watched.largest, size)
            return super().read(size)

    for _ in unseal_stream(Watched(seal(bytes(3 * CHUNK))), KEY, HEAD):
        pass
    assert CHUNK + TAG == Watched.largest

"""Makes screenshots small enough to keep in the repository: a PNG with a palette in place of full colour.

Only what Chromium writes is read (8 bits, RGB or RGBA, not interlaced; W3C PNG, third edition).
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

COLOURS = 64
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def shrink(picture: bytes) -> bytes:
    """`picture` with at most 64 colours; raises ValueError for a PNG that is not a screenshot."""
    pixels = _pixels(picture)
    height, width, _ = pixels.shape
    colours, inverse, count = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    palette = colours[np.argsort(count)[::-1][:COLOURS]].astype(np.int32)
    # Every colour becomes the nearest of the frequent ones.
    nearest = np.empty(len(colours), dtype=np.uint8)
    for start in range(0, len(colours), 4096):
        part = colours[start : start + 4096].astype(np.int32)
        away = ((part[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
        nearest[start : start + 4096] = away.argmin(axis=1)
    indices = nearest[inverse.reshape(-1)].reshape(height, width)
    rows = np.hstack([np.zeros((height, 1), dtype=np.uint8), indices])
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixels(picture: bytes) -> Pixels:
    """An array of height, width and 3 bytes."""
    if not picture.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    at, data, head = len(_SIGNATURE), b"", b""
    while at < len(picture):
        (length,), kind = struct.unpack(">I", picture[at : at + 4]), picture[at + 4 : at + 8]
        body = picture[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            head = body
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    width, height, depth, kind_of_colour, *rest = struct.unpack(">IIBBBBB", head)
    if depth != 8 or kind_of_colour not in (2, 6) or any(rest):
        raise ValueError("not a screenshot of Chromium")
    size = 3 if kind_of_colour == 2 else 4
    raw = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(height, 1 + width * size)
    before = np.zeros(width * size, dtype=np.uint8)
    rows = []
    for line in raw:
        before = _unfiltered(int(line[0]), line[1:], before, size)
        rows.append(before)
    found: Pixels = np.stack(rows).reshape(height, width, size)[:, :, :3]
    return found


def _unfiltered(kind: int, line: Pixels, above: Pixels, size: int) -> Pixels:
    """One row without its filter (section 9.2)."""
    if kind == 0:
        return line.copy()
    if kind == 2:
        return line + above
    if kind == 1:
        sums: Pixels = np.add.accumulate(line.reshape(-1, size), axis=0, dtype=np.uint8)
        return sums.reshape(-1)
    out, up = line.tolist(), above.tolist()
    for at in range(len(out)):
        left = out[at - size] if at >= size else 0
        if kind == 3:
            predicted = (left + up[at]) // 2
        else:
            corner = up[at - size] if at >= size else 0
            predicted = _paeth(left, up[at], corner)
        out[at] = (out[at] + predicted) & 255
    return np.array(out, dtype=np.uint8)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    near = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[near.index(min(near))]

"""A QR code as the path of an SVG, so that a page needs no library and no inline style to draw it.

What it shows is a secret; it is made when it is asked for and kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

QUIET = 4
"""Blank modules around it (ISO/IEC 18004 section 6.3.8)."""


@dataclass(frozen=True, slots=True, repr=False)
class QrCode:
    """`size` modules in each direction, quiet zone included; `path` draws the dark ones with lines of
    width 1 in a `viewBox` of that size."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """`text` as a QR code with error correction M."""
    import segno

    code = segno.make(text, error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=QUIET)]
    strokes = []
    for number, row in enumerate(rows):
        column = 0
        while column < len(row):
            length = 0
            while column + length < len(row) and row[column + length]:
                length += 1
            if length:
                strokes.append(f"M{column} {number}.5h{length}")
            column += length or 1
    return QrCode(len(rows), "".join(strokes))

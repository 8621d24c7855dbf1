"""JSON lines: each entry exactly as it is in the log, with its position.

A whole export is what the stand-alone verifier reads: the bytes after `"entry":` are the leaf of the
tree, so they must never be written anew.
"""

from __future__ import annotations

from typing import Any

from gatehouse.audit.reader import Entry


def line(entry: Entry, body: dict[str, Any], origin: str) -> str:
    """One line; the body of `entry` is taken over byte by byte."""
    return f'{{"sequence":{entry.sequence},"entry":{entry.body}}}'

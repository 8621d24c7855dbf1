"""Passwords that are a walk over the keyboard: rows, columns and zigzags, shift keys included.

Looks at neighbours only, so that a new pattern needs no list. Ordinary text has few neighbours in a row.
"""

from __future__ import annotations

from itertools import pairwise

_ROWS = ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_ROWS_DE = ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm")
_SHIFTED = str.maketrans('!@#$%^&*()_+{}:"<>?', "1234567890-=[];',./")
_SHARE = 0.75  # of the steps that lead to a neighbour


def is_walk(folded: str) -> bool:
    """Whether most steps of `folded` (small letters) lead to the same or a neighbouring key."""
    text = folded.translate(_SHIFTED)
    steps = list(pairwise(text))
    near = max(sum((a, b) in pairs for a, b in steps) for pairs in (_US, _DE))
    return bool(steps) and near >= _SHARE * len(steps)


def _neighbours(rows: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Pairs of keys that touch; each row is half a key further to the right than the one above."""
    places = {
        key: (column, number) for number, row in enumerate(rows) for column, key in enumerate(row)
    }
    found = set()
    for one, (x, y) in places.items():
        for other, (u, v) in places.items():
            below = v - y
            if (below == 0 and abs(u - x) <= 1) or (abs(below) == 1 and u - x in (0, -below)):
                found.add((one, other))
    return frozenset(found)


_US, _DE = _neighbours(_ROWS), _neighbours(_ROWS_DE)

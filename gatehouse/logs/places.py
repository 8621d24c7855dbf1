"""Where an error came from, told without its words.

The message of an exception may quote what a person wrote, a row, or a password in a URL, so nothing
but types and places in program code may leave here.
"""

from __future__ import annotations

MOST_CAUSES = 3


def place_of(error: BaseException | None) -> str:
    """Type and innermost place of `error`, then those of what caused it, without any text."""
    told: list[str] = []
    seen = set[int]()
    while error is not None and id(error) not in seen and len(told) <= MOST_CAUSES:
        seen.add(id(error))
        told.append(_one(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " from ".join(told)


def _one(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__module__}.{type(error).__qualname__} at {where}"

"""Takes every value out of every log record at the moment it is made.

Done where records are made and not in a handler, because a library or an operator may add handlers
of their own: none of them ever sees what was taken out. Nothing here decides by looking at values;
a record keeps the words of its source code, its place, and type and place of an exception.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from gatehouse import metrics, request_id
from gatehouse.logs.lines import Line
from gatehouse.logs.places import place_of
from gatehouse.logs.templates import HOLE, template_of

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
NO_WORDS = "a message of values only, which were taken out"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]{1,100}")


class Record(logging.LogRecord):
    """A record that holds nothing but what may be shown."""

    line: Line
    request_id: str | None


def make_record(
    name: str,
    level: int,
    pathname: str,
    lineno: int,
    msg: object,
    _args: object,
    exc_info: Any,
    func: str | None = None,
    _sinfo: str | None = None,
    **_more: Any,
) -> Record:
    """A `Record` in place of what the library wanted to log; see `logging.setLogRecordFactory`."""
    try:
        line = msg if isinstance(msg, Line) else _foreign(pathname, lineno)
    except Exception:  # noqa: BLE001 - whatever it is, a log call must not fail, nor show its values
        line = Line(NO_WORDS, {})
    error = _error(exc_info)
    if error is not None:
        line = Line(line.event, {**line.fields, "error": place_of(error)})
    # Logger names are nearly always module names, but nothing forces them to be.
    safe_name = name if _PLAIN_NAME.fullmatch(str(name)) else "other"
    record = Record(safe_name, level, pathname, lineno, line, (), None, func, None)
    record.line = line
    record.request_id = request_id.current()
    metrics.LOG_RECORDS.add(level=record.levelname.lower())
    return record


def warned(category: type[Warning], filename: str, lineno: int) -> Line:
    """What is told of a Python warning: its kind and place, because its text may quote a message."""
    return Line("warning", {"what": category.__name__, "at": _place(filename, lineno)})


def _foreign(pathname: str, lineno: int) -> Line:
    words = template_of(pathname, lineno)
    return Line(NO_WORDS if words == HOLE else words, {"at": _place(pathname, lineno)})


def _place(pathname: str, lineno: int) -> str:
    """`package/module:line`, without the directories of this machine."""
    parts = Path(pathname).with_suffix("").parts
    for root in ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}"):
        if root in parts:
            parts = parts[len(parts) - parts[::-1].index(root) :]
            break
    else:
        parts = parts[-2:]
    return f"{'.'.join(parts)}:{lineno}"


def _error(exc_info: _ExcInfo | BaseException | bool | None) -> BaseException | None:
    if isinstance(exc_info, tuple):
        return exc_info[1]
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exc_info()[1] if exc_info else None

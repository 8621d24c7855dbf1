"""Puts a serving process's logging under one rule, whoever configured what before.

After `take_over` every record in the process is redacted where it is made, lines go to stderr in one
form, and what Python itself would print (uncaught exceptions, warnings, errors of the logging
system) is told by type and place. It can be called again, and it is never undone while serving.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, TextIO

import structlog

from gatehouse.clock import as_iso
from gatehouse.errors import GatehouseError
from gatehouse.logs.lines import Line
from gatehouse.logs.places import place_of
from gatehouse.logs.redaction import Record, make_record, warned

OURS = ("gatehouse", "actions")


_logger = logging.getLogger(__name__)


def take_over(level: str = "info", libraries: str | None = "error", form: str = "console") -> None:
    """Redact and send to stderr whatever this process logs from here on.

    `level` is for Gatehouse and the actions, `libraries` for everything else; None leaves the levels
    that a launcher set. `form` is `console` or `json`.
    """
    logging.setLogRecordFactory(make_record)
    logging.raiseExceptions = False  # would print the values of a line that cannot be written
    formatter = _Formatter(form)
    _replace_handlers(formatter)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    if libraries is not None:
        _set_libraries(libraries.upper())
    _quiet_structlog()
    _quiet_python()


class _Formatter(logging.Formatter):
    """One line per record: JSON, or words for a terminal."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._render: Any = (
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        )

    def format(self, record: logging.LogRecord) -> str:
        # A record made before the take-over, by a handler that kept it, has no line to show.
        line = record.line if isinstance(record, Record) else Line("", {})
        about: dict[str, Any] = {
            "timestamp": as_iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": line.event,
            "request_id": getattr(record, "request_id", None),
            **line.fields,
        }
        shown = {name: value for name, value in about.items() if value is not None}
        return str(self._render(None, "", shown))


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to the stderr of the moment; a line that cannot be written is lost, nothing else."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(formatter)

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def _replace_handlers(formatter: logging.Formatter) -> None:
    """One handler at the root; files that an operator asked for stay, and show the same lines."""
    known = [
        item
        for item in logging.root.manager.loggerDict.values()
        if isinstance(item, logging.Logger)
    ]
    for logger in [logging.root, *known]:
        for handler in list(logger.handlers):
            if _is_terminal(handler):
                logger.removeHandler(handler)
            else:
                handler.setFormatter(formatter)
        if logger is not logging.root and not logger.handlers:
            logger.propagate = True
    logging.root.addHandler(_ToStderr(formatter))


def _is_terminal(handler: logging.Handler) -> bool:
    terminals = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    stream = getattr(handler, "stream", None)
    return isinstance(handler, _ToStderr) or any(stream is known for known in terminals)


def _set_libraries(level: str) -> None:
    logging.root.setLevel(level)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.split(".")[0] not in OURS:
            logger.setLevel(logging.NOTSET)
    # What stops a start is explained once, by the command line and without a traceback.
    if logging.root.level > logging.DEBUG:
        logging.getLogger("sanic.error").setLevel(logging.CRITICAL)


def _quiet_structlog() -> None:
    """Structured lines of libraries lose their fields before they become records."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _only_the_event],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _only_the_event(_logger: Any, _method: str, given: Any) -> tuple[tuple[str], dict[str, Any]]:
    failure = given.get("exc_info")
    return ("",), {"exc_info": failure} if failure else {}


def _quiet_python() -> None:
    """What Python prints by itself is told by type and place, through the log."""
    warnings.showwarning = _show_warning
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    logging.getLogger("py.warnings").warning(warned(category, filename, lineno))


def _uncaught(
    _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return
    _logger.critical(Line("the process ends", {"error": place_of(error)}))
    if isinstance(error, GatehouseError) and sys.stderr is not None:
        # What stops a start is told to the operator; by its contract it holds nobody's data.
        sys.stderr.write(error.diagnostics() + "\n")


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    _logger.error(Line("a thread ended", {"error": place_of(given.exc_value)}))


def _unraisable(given: sys.UnraisableHookArgs) -> None:
    _logger.error(Line("an error could not be raised", {"error": place_of(given.exc_value)}))

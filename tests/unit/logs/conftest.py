"""A process whose logging was taken over, and is given back after the test."""

from __future__ import annotations

import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog

from gatehouse.logs import take_over


class Stderr(io.StringIO):
    """What went to stderr since the take-over."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stderr]]:
    """Take over with the given settings; returns what is written to stderr from then on."""
    factory, handlers = logging.getLogRecordFactory(), list(logging.root.handlers)
    formatters = [handler.formatter for handler in handlers]
    levels = {
        logger: logger.level
        for logger in [logging.root, *logging.root.manager.loggerDict.values()]
        if isinstance(logger, logging.Logger)
    }
    kept = logging.raiseExceptions, structlog.get_config()
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    def begin(*arguments: str, **named: str) -> Stderr:
        stderr = Stderr()
        monkeypatch.setattr(sys, "stderr", stderr)
        take_over(*arguments, **named)
        return stderr

    yield begin
    logging.setLogRecordFactory(factory)
    logging.root.handlers[:] = handlers
    for handler, formatter in zip(handlers, formatters, strict=True):
        handler.setFormatter(formatter)
    for logger, level in levels.items():
        logger.setLevel(level)
    logging.raiseExceptions = kept[0]
    structlog.configure(**kept[1])

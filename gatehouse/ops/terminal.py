"""Keeps a person's terminal calm: one line per event, no third-party chatter.

Must run before Rasa is imported. Never raises the level of detail of third-party loggers: at DEBUG
Rasa writes messages of people into its log.
"""

from __future__ import annotations

import logging
import os
import warnings

import structlog

QUIET = ("rasa", "rasa_sdk", "sanic", "apscheduler", "asyncio", "matplotlib", "sqlalchemy")


def calm_terminal() -> None:
    """Warnings of third parties are hidden; log lines of level WARNING and above go to stderr."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    warnings.simplefilter("ignore")
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    # What stops a start is explained once, by the command line and without a traceback.
    logging.getLogger("sanic.error").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

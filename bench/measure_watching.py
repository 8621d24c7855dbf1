"""What watching costs: a log line without its values, a counted event, a look at health and metrics."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

from bench.report import Report, median_ms
from gatehouse import metrics
from gatehouse.health import Readiness
from gatehouse.logs import take_over

LINES = 2_000
WORDS = "a message of a person with forty characters"


def measure(report: Report) -> None:
    """Lines a library logs at DEBUG, plain and redacted; then counting, health and a scrape."""
    logger = logging.getLogger("rasa.bench")
    logger.propagate = False
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)

    def lines() -> None:
        for number in range(LINES):
            logger.debug("Received '%s', number %d", WORDS, number)

    plain = median_ms(lines, 9)
    take_over("debug", "debug", "json")
    redacted = logging.root.handlers[-1].formatter
    handler.setFormatter(redacted)
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    report.compare(f"{LINES} log lines, as JSON without values", median_ms(lines, 9), plain)
    logger.setLevel(logging.ERROR)
    report.note(f"{LINES} log lines below the level", median_ms(lines, 9))

    report.note("1 000 counted decisions", median_ms(_thousand(_decision), 9))
    ready = Readiness({"part": lambda: None})
    ready.look()
    report.note("1 000 looks at /readyz", median_ms(_thousand(lambda: ready.ready), 9))
    report.note("one scrape", median_ms(metrics.exposition, 9))


def _decision() -> None:
    metrics.recorded("decision", {"effect": "allow", "stage": "intent"})


def _thousand(work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(1000):
            work()

    return repeated

"""Whether this process can answer people, looked at in the background.

A thread of its own asks every part each few seconds and keeps the answers; a probe from outside only
reads them. So a flood of probes costs nothing, a part that hangs makes the answer stale and thereby
"no", and neither can hold up a turn. Which part it is goes into metrics, never into an answer.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.db import file_of
from gatehouse.errors import NotReady
from gatehouse.logs import get_logger, place_of
from gatehouse.metrics import Reading

INTERVAL = 2.0  # seconds between two looks
STALE = 10.0  # an answer older than this counts as no
ROOM = (
    64 << 20
)  # bytes that a volume which is written to must have left; a turn takes some thousand

log = get_logger(__name__)


class Parts(Protocol):
    """What is looked at; see `gatehouse.runtime.Runtime`."""

    @property
    def engine(self) -> Engine: ...
    @property
    def ring(self) -> Any: ...
    @property
    def audit(self) -> Any: ...
    @property
    def policies(self) -> Any: ...


Probe = Callable[[], object]


def probes(parts: Parts) -> dict[str, Probe]:
    """What to ask each part; an answer of whatever kind is good, an exception is not."""
    return {
        "database": lambda: _answers(parts.engine),
        "audit": lambda: parts.audit.size(),
        "ring": lambda: parts.ring.tag_keys(),
        "policies": lambda: parts.policies.current().revision,
        "disk": lambda: _have_room(_written_to(parts)),
    }


class Readiness:
    """The last answers of all parts. `close` says no from then on and ends the looking."""

    def __init__(
        self,
        asked: Mapping[str, Probe],
        *,
        interval: float = INTERVAL,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asked = dict(asked)
        self._interval = interval
        self._now = now
        self._answers: dict[str, tuple[bool, float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="readiness", daemon=True)

    def start(self) -> None:
        """Look once, then go on in the background."""
        self.look()
        self._thread.start()

    def close(self) -> None:
        """The process is about to end: it takes no more requests."""
        self._closed.set()

    @property
    def ready(self) -> bool:
        """Whether every part answered lately; costs no more than reading memory."""
        return not self._closed.is_set() and all(self._up(part) for part in self._asked)

    def readings(self) -> Iterable[Reading]:
        """Which part is up, for metrics."""
        for part in self._asked:
            yield (
                "gatehouse_up",
                "Whether a part answered lately.",
                float(self._up(part)),
                {"part": part},
            )
        yield "gatehouse_ready", "Whether this process takes requests.", float(self.ready), {}

    def look(self) -> None:
        """Ask every part, one after the other."""
        for part, probe in self._asked.items():
            was = self._answers.get(part, (True, 0.0))[0]
            try:
                probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, this part does not answer
                self._answers[part] = (False, self._now())
                if was:
                    log.error("a part does not answer", part=part, error=place_of(error))
            else:
                self._answers[part] = (True, self._now())
                if not was:
                    log.warning("a part answers again", part=part)

    def _up(self, part: str) -> bool:
        good, at = self._answers.get(part, (False, 0.0))
        return good and self._now() - at < STALE

    def _look_on(self) -> None:
        while not self._closed.wait(self._interval):
            self.look()


def _answers(engine: Engine) -> None:
    with engine.connect() as connection:
        # A table of ours: a server that answers may still be an empty database.
        connection.execute(sa.text("SELECT 1 FROM gh_sessions LIMIT 1")).all()


def _written_to(parts: Parts) -> set[Path]:
    """The directories of what this process writes with every turn, as far as they are its own."""
    files = [file_of(str(engine.url)) for engine in (parts.engine, parts.audit.engine)]
    files.append(getattr(parts.ring.shelf, "path", None))
    return {file.parent for file in files if file is not None}


def _have_room(directories: Iterable[Path]) -> None:
    for directory in directories:
        found = os.statvfs(directory)
        if found.f_bavail * found.f_frsize < ROOM:
            raise NotReady(
                f"the volume of {directory} is full", "make room; `gatehouse doctor` names all"
            )

"""What backups need of a deployment, and which parts a backup of it has.

Order matters: the main database is copied before the records, and the audit log last, so that a
restored log never lacks the entry of something that a restored database shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.engine import Engine

from gatehouse.audit import AuditLog
from gatehouse.audit.signing import Checkpointer
from gatehouse.backup import files, postgres, sqlite, tables
from gatehouse.backup.sealing import Writable
from gatehouse.backup.status import SCRATCH, private_directory
from gatehouse.clock import Clock
from gatehouse.db import open_engine
from gatehouse.errors import NotReady
from gatehouse.keys import KeyRing
from gatehouse.policy import PolicyStore
from gatehouse.settings import Settings

MAIN: Final = "main"
RECORDS: Final = "records"
AUDIT: Final = "audit"
FILES: Final = "files"
_PIECE: Final = 1 << 18

Step = Callable[[], object]
Progress = Callable[[str, int], object]
"""Is told what is being worked on and how many bytes of it were done since the last call."""


class Deployment(Protocol):
    """The part of the runtime that is backed up."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def ring(self) -> KeyRing: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def checkpoints(self) -> Checkpointer: ...
    @property
    def policies(self) -> PolicyStore: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One part of a backup: what it is called, of what kind, and how to write it out."""

    name: str
    kind: str
    place: str
    write: Callable[[Writable, Step], None]


def sources(settings: Settings) -> Iterator[Source]:
    """The parts of a backup in the order in which they are copied. Raises what reading them does."""
    urls = {
        MAIN: settings.database_url(settings.database),
        RECORDS: settings.database_url(settings.records),
        AUDIT: settings.database_url(settings.audit),
    }
    for name, url in urls.items():
        path = sqlite.path_of(url)
        if path is not None:
            if any(path == sqlite.path_of(urls[other]) for other in urls if other != name):
                raise NotReady(
                    "two databases are one SQLite file", "give each of them a file of its own"
                )
            if name == RECORDS and not (settings.backup.records and path.is_file()):
                continue
            yield Source(name, "sqlite", "", _sqlite_writer(settings, path))
        elif name != RECORDS or settings.backup.records:
            yield from _of_postgres(name, url)
    yield Source(FILES, "files", "", lambda out, _step: files.write(settings, out))


def _of_postgres(name: str, url: str) -> Iterator[Source]:
    with engine_of(url) as engine:
        there, place = postgres.tables(engine), postgres.schema_of(engine)
    choices: dict[str, list[str]] = {
        MAIN: tables.of_main(there),
        RECORDS: tables.of_records(there),
        AUDIT: [table for table in tables.AUDIT if table in there],
    }
    wanted = choices[name]
    if not wanted:
        if name == RECORDS:
            return
        raise NotReady("the database is empty", "run `gatehouse init`")

    def write(out: Writable, step: Step) -> None:
        postgres.dump(url, wanted, tables.LEFT_OUT, out, step)

    yield Source(name, "postgresql", place, write)


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """An engine for a moment."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """A private directory for what is not sealed yet, gone at the end of the block.

    It lies on the volume of the databases, whose content it holds, and never at the second place.
    """
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=private_directory(settings)) as path:
        yield Path(path)


def _sqlite_writer(settings: Settings, path: Path) -> Callable[[Writable, Step], None]:
    def write(out: Writable, step: Step) -> None:
        with scratch(settings) as directory:
            copied = directory / "copy.db"
            sqlite.copy(path, copied, tables.LEFT_OUT, step)
            with open(copied, "rb") as file:
                while piece := file.read(_PIECE):
                    out.write(piece)
                    step()

    return write

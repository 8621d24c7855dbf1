"""A deployment with people and conversations, and a second place for its backups."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gatehouse.backup.making import make_backup
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.restoring import Restored, restore
from gatehouse.backup.shelf import Shelf
from gatehouse.backup.targets import open_target
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.identity import Person
from gatehouse.keys import KeyRing
from gatehouse.keys.opening import open_ring
from gatehouse.runtime import Runtime, open_runtime
from gatehouse.settings import Settings, load_settings
from gatehouse.tracker.journal import Addition, Journal

PROJECT = Path(__file__).resolve().parents[3]
PASSWORD = "long harbour seventeen plums"


def silent(_what: str, _done: int) -> None:
    """Nobody watches."""


def _lay_out(home: Path) -> None:
    home.mkdir()
    shutil.copy(PROJECT / "domain.yml", home)
    shutil.copytree(PROJECT / "policies", home / "policies")
    KeyRing.initialise(home / "var" / "keys", SettableClock()).close()


@cache
def _template() -> Path:
    """A home with empty databases, made once: making its tables costs more than a test."""
    home = Path(tempfile.mkdtemp(prefix="gatehouse-desk-")) / "home"
    atexit.register(shutil.rmtree, home.parent, ignore_errors=True)
    _lay_out(home)
    open_runtime(home, SettableClock()).close()
    return home


class Desk:
    """A home with a runtime, a place for backups, and short ways to use both."""

    def __init__(self, directory: Path, urls: dict[str, str], *, own_keys: bool = False) -> None:
        self.home, self.place = directory / "home", directory / "place"
        self.place.mkdir()
        self.urls = urls
        self.clock = SettableClock()
        if urls or own_keys:
            _lay_out(self.home)
        else:
            shutil.copytree(_template(), self.home)
        lines = ["[backup]", f'target = "{self.place}"']
        for section, url in urls.items():
            lines += [f"[{section}]", f'url = "{url}"']
        (self.home / "gatehouse.toml").write_text("\n".join(lines) + "\n")
        self.runtime: Runtime = open_runtime(self.home, self.clock)

    @property
    def settings(self) -> Settings:
        return load_settings(self.home, {})

    @property
    def shelf(self) -> Shelf:
        return Shelf(open_target(self.settings), self.runtime.ring)

    def person(self, username: str = "erin") -> Person:
        return self.runtime.directory.add(
            username, username.title(), ["employee"], PASSWORD, must_change_password=False
        )

    def talk(self, who: Person, conversation: str, text: str = "my words") -> None:
        runtime = self.runtime
        runtime.conversations.started(conversation, who.id)
        journal = Journal(runtime.engine, runtime.ring, self.clock, runtime.conversations.life)
        said = {
            "event": "user", "text": text, "timestamp": self.clock.now(), "metadata": {},
            "parse_data": {"intent": {"name": "greet"}},
        }  # fmt: skip
        journal.append(conversation, None, lambda _held: Addition([said]))

    def backup(self, **given: Any) -> Manifest:
        first = not (self.place / "gatehouse-backups.json").exists()
        target = open_target(self.settings)
        return make_backup(self.runtime, target, silent, **{"new": first, **given})

    def lose(self, *parts: str) -> None:
        """The server is gone and with it the databases of these parts."""
        self.runtime.close()
        for part in parts:
            section = {"main": "database", "audit": "audit", "records": "records"}[part]
            url = self.urls.get(section)
            if url:
                engine = open_engine(url)
                with engine.begin() as connection:
                    for table in sa.inspect(connection).get_table_names():
                        if (part == "audit") != table.startswith("gh_audit"):
                            continue
                        connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{table}" CASCADE')
                engine.dispose()
                continue
            name = {"main": "gatehouse", "audit": "audit", "records": "records"}[part]
            for path in (self.home / "var").glob(f"{name}.db*"):
                path.unlink()

    def restore(self, backup: str = "", **given: Any) -> Restored:
        settings = self.settings
        ring = open_ring(settings, self.clock)
        target = open_target(settings)
        try:
            wanted = backup or Shelf(target, ring).newest()
            return restore(settings, self.clock, ring, target, wanted, silent, **given)
        finally:
            ring.close()

    def reopen(self) -> Runtime:
        self.runtime.close()
        self.runtime = open_runtime(self.home, self.clock)
        return self.runtime

    def count(self, table: str) -> int:
        with self.runtime.engine.connect() as connection:
            number = connection.execute(sa.text(f'SELECT count(*) FROM "{table}"')).scalar()
        return int(number or 0)

    def own_up(self) -> None:
        """Say that the end of the log is lost: a new name, a new witness file."""
        path = self.home / "gatehouse.toml"
        text = path.read_text()
        text = text if "[audit]" in text else text + "[audit]\n"
        new = '[audit]\norigin = "desk/after"\nwitness_file = "var/witness/after.jsonl"\n'
        path.write_text(text.replace("[audit]\n", new))

    def files(self) -> set[str]:
        return {
            path.relative_to(self.home).as_posix()
            for path in self.home.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """On SQLite."""
    made = Desk(tmp_path, {})
    yield made
    made.runtime.close()


@pytest.fixture
def postgres_desk(tmp_path: Path, postgres_url: str) -> Iterator[Desk]:
    """Everything in one PostgreSQL database, as scaled-out deployments have it."""
    made = Desk(tmp_path, dict.fromkeys(("database", "audit", "records"), postgres_url))
    yield made
    made.runtime.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """On each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    urls = dict.fromkeys(("database", "audit", "records"), url) if url else {}
    made = Desk(tmp_path, urls)
    yield made
    made.runtime.close()

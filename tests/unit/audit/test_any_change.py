"""Whatever somebody changes in the database, both verifiers notice and neither falls over."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gatehouse.audit
from gatehouse.audit import AuditTampered, AuditUnavailable
from gatehouse.audit.deployment import record_start
from tests.unit.audit.conftest import ORIGIN, Site, fill, make_site, open_log

ENTRIES, SIGNED = 12, 9


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a whole log of 12 entries with checkpoints at 5 and 9."""
    directory = tmp_path_factory.mktemp("good")
    site = make_site(open_log(f"sqlite:///{directory / 'audit.db'}"), directory)
    record_start(site.log, site.anchor, ORIGIN, "production")
    fill(site.log, 4)
    site.checkpointer.make()
    fill(site.log, 4)
    site.checkpointer.make()
    fill(site.log, 3)
    site.log.engine.dispose()
    with closing(sqlite3.connect(directory / "audit.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return directory


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The stand-alone verifier as a module."""
    path = Path(gatehouse.audit.__file__).with_name("standalone.py")
    spec = importlib.util.spec_from_file_location("standalone", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_of(good: Path, target: Path) -> Site:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(good, target)
    return make_site(open_log(f"sqlite:///{target / 'audit.db'}"), target)


def as_owner(target: Path, statement: str, *values: object) -> bool:
    """Do it with the triggers off; False when the column refuses the value itself."""
    with closing(sqlite3.connect(target / "audit.db")) as database, database:
        for table in ("gh_audit", "gh_audit_checkpoints"):
            for verb in ("update", "delete", "replace"):
                database.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        try:
            return database.execute(statement, values).rowcount == 1
        except sqlite3.IntegrityError as error:
            assert "NOT NULL constraint" in str(error)
            return False


anything = st.one_of(
    st.none(), st.integers(-5, 5), st.floats(), st.text(max_size=5), st.binary(max_size=40)
)
change = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(["body", "chain", "node"]), anything),
    st.tuples(
        st.just("move"),
        st.just("sequence"),
        st.one_of(st.integers(13, 99), st.integers(-9, 0), st.text("ab")),
    ),
    st.tuples(st.just("drop"), st.just(""), st.just(None)),
    st.tuples(st.just("flip"), st.sampled_from(["body", "chain", "node"]), st.integers(0, 31)),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(change=change, number=st.integers(1, ENTRIES))
def test_every_change_of_an_entry_is_found(
    good: Path, script: ModuleType, tmp_path: Path, change: tuple[str, str, Any], number: int
) -> None:
    """At its place by the operator's verifier; by the auditor's if a checkpoint covers it."""
    what, column, value = change
    target = tmp_path / "copy"
    site = copy_of(good, target)
    if what == "flip":
        held = getattr(site.log.entry(number), column)
        held = held.encode() if isinstance(held, str) else held
        value = held[:value] + bytes([held[value] ^ 1]) + held[value + 1 :]
    site.log.engine.dispose()
    if what == "drop":
        done = as_owner(target, "DELETE FROM gh_audit WHERE sequence = ?", number)
    else:
        done = as_owner(
            target, f"UPDATE gh_audit SET {column} = ? WHERE sequence = ?", value, number
        )
    if not done:
        return
    if what == "drop" and number > SIGNED and number == ENTRIES:
        return  # the last one, before anything vouches for it
    with pytest.raises(AuditTampered) as caught:
        site.verify()
    early = what == "move" and isinstance(value, int) and value < 1
    assert (1 if early else number) == caught.value.sequence
    covered = number <= SIGNED and column not in ("chain", "node")
    keys: dict[Any, Any] = {}
    script.read_key(site.signer.verifier().vkey, keys)
    paths = [target / "audit.db", site.witness.path]
    try:
        script.check_entries(paths[0], script.collect(paths, keys, []))
        found = False
    except (script.Wrong, script.Unreadable):
        found = True
    assert found or not covered
    for write in (lambda: fill(site.log, 1), site.checkpointer.make):
        with suppress(AuditTampered, AuditUnavailable):
            write()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(note=anything, number=st.integers(1, 2))
def test_every_change_of_a_checkpoint_is_found(
    good: Path, script: ModuleType, tmp_path: Path, note: object, number: int
) -> None:
    """Whatever stands in place of a checkpoint is no checkpoint of this log, and said so."""
    site = copy_of(good, tmp_path / "copy")
    site.log.engine.dispose()
    statement = "UPDATE gh_audit_checkpoints SET note = ? WHERE number = ?"
    if not as_owner(tmp_path / "copy", statement, note, number):
        return
    with pytest.raises(AuditTampered, match=f"checkpoint {number} of the database"):
        site.verify()
    if number == 2:
        with pytest.raises(AuditTampered):
            make_site(site.log, tmp_path / "copy").checkpointer.make()

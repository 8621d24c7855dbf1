"""A drill restores into a throw-away place, talks to it, and leaves the deployment as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.backup.errors import BackupDamaged
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.status import read_status
from gatehouse.backup.targets import open_target
from gatehouse.db import open_engine
from gatehouse.errors import NotReady
from gatehouse.keys import KeyRing
from gatehouse.keys.errors import RootMissing
from gatehouse.keys.restoring import throw_away_copy
from gatehouse.ops import drill as drills
from tests.unit.backup.conftest import PROJECT, Desk, silent

MODEL = PROJECT / "models" / "current.tar.gz"


def roots(desk: Desk) -> set[str]:
    return {path.name for path in (desk.home / "var" / "keys").glob("root-*.key")}


def run(desk: Desk, backup: Manifest, model: Path = MODEL) -> drills.Drilled:
    return drills.drill(desk.runtime, open_target(desk.settings), backup, model, silent)


def silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Rasa, for what has nothing to do with it."""
    monkeypatch.setattr(drills, "_talk", lambda *_given: 0)


@pytest.mark.slow
def test_a_drill_talks_to_what_was_restored(desk: Desk) -> None:
    """In a process of its own, as an operator runs it: restored, answered, verified, recorded."""
    desk.talk(desk.person(), "c")
    shutil.copy(PROJECT / "endpoints.yml", desk.home)
    (desk.home / "models").mkdir()
    (desk.home / "models" / "current.tar.gz").symlink_to(MODEL)
    made = desk.backup()
    before = roots(desk)
    desk.runtime.close()
    done = subprocess.run(
        [sys.executable, "-m", "gatehouse.cli", "backup", "drill", "--json"],
        env={**os.environ, "GATEHOUSE_HOME": str(desk.home), "PYTHONPATH": str(PROJECT)},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert (made.id, 2) == (found["backup"], found["answers"])
    # The clock of the process is not the one that the conversation was written by.
    assert 1 == found["conversations"] + found["conversations_left_out"]
    assert before == roots(desk)
    assert [] == list((desk.home / "var" / "backup").glob("scratch-*"))
    status = read_status(desk.settings)
    assert (True, made.id) == (status.last_drill_ok, status.last_drill_id)
    last = list(desk.reopen().audit.entries())[-1].facts()
    assert ("drill", True) == (last["operation"], last["passed"])


def test_a_drill_leaves_the_deployment_alone(
    any_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No root is made or ended, no row changes, and the throw-away database is gone."""
    desk = any_desk
    silenced(monkeypatch)
    desk.talk(desk.person(), "c")
    made = desk.backup()
    before, generation = roots(desk), desk.runtime.ring.generation
    done = run(desk, made)
    assert 1 == done.restored.proof.classes["live"].opened
    assert (before, generation) == (roots(desk), desk.runtime.ring.generation)
    assert 1 == desk.count("gh_conversations") == desk.count("gh_people")
    if desk.urls:
        with open_engine(desk.urls["database"]).connect() as connection:
            names = connection.execute(sa.text("SELECT datname FROM pg_database")).scalars().all()
        assert [] == [name for name in names if "drill" in name]


def test_a_drill_of_a_bad_backup_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is recorded as failed, and seen by whoever watches."""
    silenced(monkeypatch)
    made = desk.backup()
    path = desk.place / made.id / "main.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupDamaged):
        run(desk, made)
    assert read_status(desk.settings).last_drill_ok is False
    last = list(desk.runtime.audit.entries())[-1].facts()
    assert ("drill", False) == (last["operation"], last["passed"])


def test_policies_of_before_an_update_are_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup from before the domain got a request is whole, does not serve, and says what to do."""
    silenced(monkeypatch)
    made = desk.backup()
    domain = desk.home / "domain.yml"
    domain.write_text(domain.read_text().replace("intents:\n", "intents:\n  - new_request\n", 1))
    with pytest.raises(drills.DrillFailed, match="do not fit the domain of now"):
        run(desk, made)


def test_without_a_model_no_drill(desk: Desk, tmp_path: Path) -> None:
    """Said before anything is restored."""
    made = desk.backup()
    with pytest.raises(NotReady, match="trained model"):
        run(desk, made, tmp_path / "none")


def test_a_drills_ring_opens_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    """Its file is worth nothing once the process is gone, and ending its keys ends none of ours."""
    key = desk.runtime.ring.kept_key("mine")
    keys = desk.home / "var" / "keys"
    (tmp_path / "copy").mkdir(mode=0o700)
    copy = throw_away_copy(desk.runtime.ring, tmp_path / "copy", desk.clock)
    assert key == copy.find_kept("mine")
    before = roots(desk)
    copy.destroy(["mine"])
    copy.rotate()
    copy.close()
    assert before == roots(desk) and key == desk.runtime.ring.find_kept("mine")
    with (
        pytest.raises(RootMissing),
        KeyRing.open_copy(tmp_path / "copy" / "ring.db", keys, desk.clock),
    ):
        pass

"""The server makes a backup when one is due, once, and says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse import metrics
from gatehouse.backup.schedule import RETRY, Schedule
from gatehouse.backup.status import note, read_status
from gatehouse.production import findings
from gatehouse.readings import readings
from tests.unit.backup.conftest import Desk


def number(desk: Desk, name: str) -> float | None:
    """What metrics say now."""
    found = {reading[0]: reading[2] for reading in readings(desk.runtime)}
    return found.get(name)


def test_one_is_made_when_it_is_due(desk: Desk) -> None:
    """Not before, also not after a start; one that was missed at once; one for a clock set back."""
    desk.backup()
    schedule = Schedule(desk.runtime)
    every = desk.settings.backup.every
    assert 6 * 3600 == every
    assert not schedule.poll()
    desk.clock.advance(every - 1)
    assert not Schedule(desk.runtime).poll()
    desk.clock.advance(1)
    assert schedule.poll() and not schedule.poll()
    desk.clock.advance(10 * every)
    assert Schedule(desk.runtime).poll()
    desk.clock.advance(-2 * every)
    assert schedule.poll()
    assert 4 == len(desk.shelf.ids())


def test_of_two_hosts_one_makes_it(desk: Desk) -> None:
    """A host that knows of none looks at the place first."""
    made = desk.backup()
    note(desk.settings, last_backup_at=None, last_backup_id=None)
    assert not Schedule(desk.runtime).poll()
    assert made.id == read_status(desk.settings).last_backup_id


def test_a_failure_is_seen_and_tried_again(desk: Desk) -> None:
    """In the metrics until the next good one; no try more often than every ten minutes."""
    schedule = Schedule(desk.runtime)
    before = metrics.value("gatehouse_failures_total", part="backup")
    assert float("inf") == number(desk, "gatehouse_backup_age_seconds")
    assert not schedule.poll()  # nobody began the place
    assert before + 1 == metrics.value("gatehouse_failures_total", part="backup")
    assert 1.0 == number(desk, "gatehouse_backup_failed")
    assert not schedule.poll()
    assert before + 1 == metrics.value("gatehouse_failures_total", part="backup")
    desk.backup()
    assert 0.0 == number(desk, "gatehouse_backup_failed")
    desk.clock.advance(RETRY)
    assert RETRY == number(desk, "gatehouse_backup_age_seconds")


def test_a_stop_does_not_wait_for_a_backup(desk: Desk) -> None:
    """What is under way is given up, removed, and no failure."""
    desk.backup()
    (first,) = desk.shelf.ids()
    desk.clock.advance(desk.settings.backup.every)
    schedule = Schedule(desk.runtime)
    schedule.stop()
    assert not schedule.poll()
    assert [first] == desk.shelf.ids() and 2 == len(list(desk.place.iterdir()))
    assert read_status(desk.settings).last_error is None


def test_old_ones_are_pruned_after_a_new_one(desk: Desk) -> None:
    """Nobody has to think of it."""
    with open(desk.home / "gatehouse.toml", "a") as file:
        file.write("keep_last = 1\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n")
    desk.reopen()
    desk.backup()
    desk.clock.advance(desk.settings.backup.every)
    assert Schedule(desk.runtime).poll()
    assert 1 == len(desk.shelf.ids())


def test_production_needs_a_second_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, or one that is lost with the data, is named; that others make backups can be said."""

    def said() -> list[str]:
        return [one.what for one in findings(desk.reopen()) if "backup" in one.what]

    assert ["backups are on the volume of the databases"] == said()
    monkeypatch.setenv("GATEHOUSE_BACKUP_TARGET", "")
    assert ["there is no place for backups"] == said()
    monkeypatch.setenv("GATEHOUSE_BACKUP_EVERY", "0")
    assert [] == said()
    monkeypatch.setenv("GATEHOUSE_BACKUP_EVERY", "6h")
    if Path("/dev/shm").is_dir():
        monkeypatch.setenv("GATEHOUSE_BACKUP_TARGET", "/dev/shm")
        assert [] == said()

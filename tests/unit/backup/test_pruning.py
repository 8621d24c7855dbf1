"""Grandfather, father, son; never the last good one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.backup.errors import BackupDamaged
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.pruning import keep, prune
from gatehouse.backup.targets import open_target
from gatehouse.settings import Backup
from tests.unit.backup.conftest import Desk, silent

DAY = 86_400
RULES = Backup()


def made(at: float) -> Manifest:
    return Manifest(f"{at:020.0f}", at, "", "", "", "", 0, "")


def test_a_year_of_backups_every_six_hours() -> None:
    """The newest four, then days, weeks and months, and no more than the rules add up to."""
    all_of_them = [made(1_700_000_000 + 6 * 3600 * number) for number in range(4 * 400)]
    kept = keep(all_of_them, RULES)
    assert {one.id for one in all_of_them[-4:]} <= kept
    assert 4 + 7 + 5 + 12 >= len(kept) > 20
    oldest = min(one.made_at for one in all_of_them if one.id in kept)
    assert 320 * DAY < all_of_them[-1].made_at - oldest < 370 * DAY


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60 * DAY), min_size=1, max_size=30, unique=True))
def test_pruning_again_prunes_nothing(times: list[int]) -> None:
    """What is kept does not depend on how often it is asked, nor on the time of day."""
    found = [made(1_700_000_000 + at) for at in times]
    kept = keep(found, RULES)
    assert max(found, key=lambda one: one.made_at).id in kept
    assert kept == keep([one for one in found if one.id in kept], RULES)


def test_a_clock_that_jumped_ahead_costs_nothing() -> None:
    """One backup of a wrong future takes one place, however far it is."""
    past = [made(1_700_000_000 + DAY * number) for number in range(10)]
    wrong = made(4_000_000_000)
    assert 1 >= len(keep(past, RULES) - keep([*past, wrong], RULES) - {past[-4].id, past[-7].id})


def desk_with(desk: Desk, number: int) -> list[str]:
    with open(desk.home / "gatehouse.toml", "a") as file:
        file.write("keep_last = 1\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n")
    desk.reopen()
    ids = []
    for _ in range(number):
        ids.append(desk.backup().id)
        desk.clock.advance(60)
    return ids


def test_pruned_is_gone_in_every_copy(desk: Desk) -> None:
    """Its key dies first: a copy that somebody kept elsewhere does not open any more."""
    first, second = desk_with(desk, 2)
    manifest = desk.shelf.manifest(first)
    copy = {path.name: path.read_bytes() for path in (desk.place / first).iterdir()}
    target = open_target(desk.settings)
    assert (first,) == prune(desk.runtime, target, silent, pretend=True).removed
    assert 2 == len(desk.shelf.ids())
    done = prune(desk.runtime, target, silent)
    assert ((first,), (second,)) == (done.removed, done.kept)
    assert not (desk.place / first).exists()
    (desk.place / first).mkdir()
    for name, content in copy.items():
        (desk.place / first / name).write_bytes(content)
    with pytest.raises(Exception, match="key of this backup"):
        desk.shelf.verify(manifest, silent)
    desk.shelf.verify(desk.shelf.manifest(second), silent)
    last = list(desk.runtime.audit.entries())[-1].facts()
    assert ("backup", "pruned", [first]) == (last["kind"], last["operation"], last["backups"])


def test_what_was_pruned_before_takes_nobodys_place(desk: Desk) -> None:
    """Its copy, put back, would else push a good one out that is older."""
    first, second, third = desk_with(desk, 3)
    desk.runtime.ring.destroy([desk.shelf.manifest(second).key_name])
    settings = desk.runtime.settings
    rules = replace(settings.backup, keep_last=2)
    desk.runtime = replace(desk.runtime, settings=replace(settings, backup=rules))
    done = prune(desk.runtime, open_target(desk.settings), silent)
    assert {first, third} <= set(done.kept)
    desk.shelf.verify(desk.shelf.manifest(first), silent)


def test_the_last_good_one_stays(desk: Desk) -> None:
    """When what would be kept does not open, nothing is removed."""
    first, second = desk_with(desk, 2)
    path: Path = desk.place / second / "main.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupDamaged, match="none was removed"):
        prune(desk.runtime, open_target(desk.settings), silent)
    assert [first, second] == desk.shelf.ids()
    desk.shelf.verify(desk.shelf.manifest(first), silent)


def test_a_damaged_manifest_is_left_to_look_at(desk: Desk) -> None:
    """It is neither counted nor removed."""
    first, second, third = desk_with(desk, 3)
    path = desk.place / first / "manifest"
    path.write_bytes(path.read_bytes()[:-3])
    done = prune(desk.runtime, open_target(desk.settings), silent)
    assert ((second,), (third,)) == (done.removed, done.kept)
    assert [first, third] == desk.shelf.ids()

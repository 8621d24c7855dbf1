"""Killed with SIGKILL while it erases and rotates: no key lost, none back, one root, a mirror that opens."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing, make_ring, open_ring
from gatehouse.keys.restoring import copy_state
from gatehouse.settings import load_settings
from tests.unit.keys.places import place_of

KEPT = 5
ROUNDS = 4
LIFE = 30 * 86_400


def work_for_ever(home: Path) -> None:
    """Make a key, say so; erase it, say so; rotate in between."""
    environment = {k: v for k, v in os.environ.items() if k.startswith("GATEHOUSE_KEYS_")}
    clock = SettableClock()
    ring = open_ring(load_settings(home, environment), clock)
    number = 0
    while True:
        number += 1
        name = f"{os.getpid()} {number}"
        ring.data_key(name, clock.now() + LIFE)
        print("made", name, flush=True)
        ring.destroy([name])
        print("erased", name, flush=True)
        if number % 3 == 0:
            ring.rotate()


@pytest.mark.parametrize("kind", ["file", "pkcs11"])
def test_killed_while_erasing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """At whatever moment: what was kept is there, what was said to be erased is not, the mirror
    opens, and in the end no old root is left."""
    chance = random.Random(kind)
    with place_of(kind, tmp_path, monkeypatch) as place:
        place.environment["GATEHOUSE_KEYS_MIRROR"] = "second"
        settings = load_settings(place.home, place.environment)
        clock = SettableClock()
        make_ring(settings, clock)
        ring = open_ring(settings, clock)
        keys = {f"{n}": ring.data_key(f"{n}", clock.now() + LIFE) for n in range(KEPT)}
        ring.close()
        for _ in range(ROUNDS):
            said = _until_killed(place.home, place.environment, chance.uniform(0, 0.08))
            clock.advance(3600)  # whoever announced a root before is dead
            ring = open_ring(settings, clock)
            _check(ring, keys, said)
            ring.close()
            assert copy_state(settings, clock, place.home / "second")[1] >= KEPT
        assert len(place.root().handles()) == 1


def _until_killed(home: Path, environment: dict[str, str], after: float) -> list[list[str]]:
    program = f"from {__name__} import work_for_ever; import pathlib, sys; "
    program += "work_for_ever(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        time.sleep(after)
        process.kill()
        said += process.stdout.readlines()
    return [line.split(maxsplit=1) for line in said if line.endswith("\n")]


def _check(ring: KeyRing, keys: dict[str, bytes], said: list[list[str]]) -> None:
    found = {name: ring.lookup(name) for name in keys}
    assert keys == {name: entry.key for name, entry in found.items() if entry}
    erased = [name.strip() for verb, name in said if verb == "erased"]
    assert erased
    assert [] == [name for name in erased if ring.find(name)]
    assert ring.check().roots_left == 0

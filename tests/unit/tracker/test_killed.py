"""Killed with SIGKILL while it writes: what was acknowledged is there, and all of it opens."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing
from gatehouse.tracker.journal import Addition, Journal
from gatehouse.tracker.lifetimes import Lifetime
from gatehouse.tracker.schema import metadata

TTL = 3600


def _journal(directory: Path, ring: KeyRing, clock: SettableClock) -> Journal:
    engine = open_engine(f"sqlite:///{directory / 'gatehouse.db'}")
    metadata.create_all(engine)
    return Journal(engine, ring, clock, Lifetime(TTL))


def write_for_ever(directory: Path) -> None:
    """Add turns to two conversations and destroy a third now and then; say each one done."""
    clock = SettableClock()
    ring = KeyRing.open(directory / "keys", clock)
    journal = _journal(directory, ring, clock)
    for number in itertools.count():
        for conversation in ("a", "b"):
            event = {"event": "user", "text": f"{conversation} {number}"}
            journal.append(conversation, None, lambda _held, event=event: Addition([event]))
            print(conversation, number, flush=True)
        ring.data_key("c", clock.now() + TTL)
        ring.destroy(["c"])


@pytest.mark.parametrize("after", [3, 10, 25])
def test_acknowledged_turns_survive_sigkill(tmp_path: Path, after: int) -> None:
    """After `after` acknowledged turns the process is killed at whatever it was doing."""
    clock = SettableClock()
    KeyRing.initialise(tmp_path / "keys", clock).close()
    program = f"from {__name__} import write_for_ever; import pathlib, sys; "
    program += "write_for_ever(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after)]
        process.kill()
        said += process.stdout.readlines()
    done = [line.split() for line in said if line.endswith("\n")]
    assert len(done) >= after
    ring = KeyRing.open(tmp_path / "keys", clock)
    journal = _journal(tmp_path, ring, clock)
    for conversation in ("a", "b"):
        acknowledged = [f"{name} {number}" for name, number in done if name == conversation]
        reading = journal.read(conversation, whole=True)
        texts = [event["text"] for event in reading.events] if reading else []
        assert texts[: len(acknowledged)] == acknowledged
        assert len(texts) - len(acknowledged) in (0, 1)
    assert len(ring._keeper.roots()) == 1
    ring.close()

"""Erasing one conversation among 100 000, and expiring a day of 100 000: keys alone, and all of it.

The keys are what counts: once they are gone no copy opens. The rows that go with them are measured
beside that, on SQLite. Roots are files, and a SoftHSM2 token where it is installed.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.report import Report, durations_ms, median_ms
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.keys import Entry, KeyRing, associated_data, make_ring, open_ring, seal, unseal
from gatehouse.keys.nodes import expiry_day
from gatehouse.migrations import upgrade
from gatehouse.settings import Retention, load_settings
from gatehouse.tracker import Conversations
from gatehouse.tracker.end_requests import EndRequests
from gatehouse.tracker.pseudonyms import Pseudonyms
from gatehouse.tracker.records import Head, seal_turn
from gatehouse.tracker.rows import Rows
from gatehouse.tracker.schema import conversations, records

MANY = 100_000
ERASED = 25
LIFE = 3600.0
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def measure(report: Report) -> None:
    _envelope(report)
    _keys(report, "file root", {})
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as second:
        place = str(Path(second) / "mirror")
        _keys(report, "file root, mirror", {"GATEHOUSE_KEYS_MIRROR": place})
    if os.path.exists(SOFTHSM) and shutil.which("softhsm2-util"):
        with _token() as environment:
            _keys(report, "SoftHSM2 root", environment)
    _conversations(report)


def _envelope(report: Report) -> None:
    key, place = os.urandom(32), associated_data(kind="turn", sequence=1)
    plaintext = os.urandom(2048)
    sealed = seal(key, plaintext, place)
    report.note(
        "seal 2 KiB", median_ms(lambda: seal(key, plaintext, place), 2000) * 1000, unit="µs"
    )
    opening = median_ms(lambda: unseal(key, sealed, place), 2000) * 1000
    report.note("unseal 2 KiB", opening, unit="µs")


def _keys(report: Report, roots: str, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        clock = SettableClock()
        settings = load_settings(Path(name), {"GATEHOUSE_KEYS_EXPIRY_EVERY": "1", **environment})
        make_ring(settings, clock)
        ring = open_ring(settings, clock)
        _fill(ring, clock.now() + LIFE, [str(number) for number in range(MANY)])
        taken = durations_ms(partial(ring.destroy, [str(number)]) for number in range(ERASED))
        report.at_most(f"erase one key of 100 000, {roots}", statistics.median(taken), 20)
        report.note(f"  slowest of {ERASED}", max(taken))
        clock.advance(2 * 86_400)
        (expiry,) = durations_ms([ring.drop_expired])
        report.at_most(f"expire a day of 100 000 keys, {roots}", expiry, 1000)
        ring.close()


def _fill(ring: KeyRing, expires_at: float, names: list[str]) -> None:
    with ring._keeper.writing() as tree:
        for name in names:
            tree.put(expiry_day(expires_at), name, Entry(os.urandom(32), expires_at, 1))


def _conversations(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        directory, clock = Path(name), SettableClock()
        engine = open_engine(f"sqlite:///{directory / 'gatehouse.db'}")
        upgrade(engine)
        ring = KeyRing.initialise(directory / "keys", clock)
        ids = [f"conversation-{number}" for number in range(MANY)]
        _store(engine, ring, clock, ids)
        life = Retention(ttl=int(LIFE), purge_interval=60, on_end="destroy")
        store = Conversations(engine, ring, clock, life)
        taken = durations_ms(partial(store.destroy, one) for one in ids[:ERASED])
        report.at_most("erase one conversation of 100 000, rows too", statistics.median(taken), 20)
        report.note(f"  slowest of {ERASED}", max(taken))
        clock.advance(2 * 86_400)
        (expiry,) = durations_ms([store.purge])
        report.note("expire and delete a day of 100 000 conversations, rows too", expiry)
        ring.close()
        engine.dispose()


def _store(engine: sa.engine.Engine, ring: KeyRing, clock: SettableClock, ids: list[str]) -> None:
    """One turn of each conversation, written as the store writes it."""
    expires_at = clock.now() + LIFE
    names = Pseudonyms(ring)
    rows = Rows(names, EndRequests(ring), clock)
    _fill(ring, expires_at, [names.ring_name(one) for one in ids])
    heads, turns = [], []
    for number, one in enumerate(ids):
        entry = ring.lookup(names.ring_name(one))
        assert entry is not None
        handle = f"{number:032x}"
        head = Head(one, f"person-{number}", clock.now(), clock.now(), expires_at)
        events = [{"event": "user", "text": "how many days of leave do I have left?"}]
        envelope = seal_turn(entry.key, handle, head, events)
        head = head.after(events, envelope, clock.now(), expires_at)
        turns.append({"handle": handle, "sequence": 1, "envelope": envelope})
        heads.append({"handle": handle, **rows.columns(entry.key, handle, head)})
    with engine.begin() as connection:
        connection.execute(sa.insert(conversations), heads)
        connection.execute(sa.insert(records), turns)


@contextmanager
def _token() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        directory = Path(name)
        (directory / "tokens").mkdir()
        configuration = directory / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\n"
        )
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        os.environ["GATEHOUSE_KEYS_PKCS11_PIN"] = "123456"
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "bench", "--so-pin", "87654321",
             "--pin", "123456"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        yield {
            "GATEHOUSE_KEYS_ROOT": "pkcs11",
            "GATEHOUSE_KEYS_PKCS11_MODULE": SOFTHSM,
            "GATEHOUSE_KEYS_PKCS11_TOKEN": "bench",
        }

"""The audit log: a durable append, and verification by streaming.

An append waits for the disk, so the time that the disk alone takes is shown beside it. Verification
recomputes chain, tree and every checkpoint of a log of `ENTRIES` entries as long as those of the served
assistant. A year of ten million is extrapolated from it, which is honest as long as time per entry and
memory do not grow with the number; both are measured at two sizes.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.report import Report
from gatehouse.audit import AuditLog, RingPseudonyms, verify
from gatehouse.audit.chain import GENESIS, canonical
from gatehouse.audit.checkpoint import Checkpoint, Trust
from gatehouse.audit.note import Ed25519Signer, sign
from gatehouse.audit.tree import Frontier, leaf_hash
from gatehouse.clock import SystemClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing

ENTRIES = int(os.environ.get("BENCH_AUDIT_ENTRIES", "1000000"))
YEAR = 10_000_000
EVERY = 1000  # entries per checkpoint
APPENDS = 400
TURN_MS = 17 * 0.8  # what a turn may take: 0.8 of plain Rasa's 17 ms at turn 10
DAY = 86_400

FACTS: dict[str, str | int | list[str]] = {
    "intent": "view_payslip",
    "stage": "resource",
    "effect": "allow",
    "rule": "own-payslip-with-code",
    "revision": "c655775ad4583aa24c9ba4af20b09d5d49d07213255d42dfa699f4d1b5df0d03",
    "aal": 2,
    "indeterminate": [],
    "subject": "self",
}


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        directory = Path(name)
        _append(report, directory)
        small = _verify(directory / "small.db", ENTRIES // 10)
        large = _verify(directory / "large.db", ENTRIES)
    rate = ENTRIES / large[0]
    report.at_least(f"audit: verify {ENTRIES:,} entries and their checkpoints", rate, 100_000)
    report.note("audit: verify a year of 10 million, extrapolated", YEAR / rate, unit="s")
    report.compare(
        "audit: time per entry, ten times the entries", large[0] / ENTRIES * 1e6,
        small[0] / (ENTRIES // 10) * 1e6, reach=1.2, unit="µs",
    )  # fmt: skip
    report.at_most(
        "audit: more memory for ten times the entries", large[1] - small[1], 8, unit="MB"
    )


def _append(report: Report, directory: Path) -> None:
    clock = SystemClock()
    ring = KeyRing.initialise(directory / "keys", clock)
    names = RingPseudonyms(ring, clock, 400 * DAY, DAY)
    log = AuditLog(open_engine(f"sqlite:///{directory / 'audit.db'}"), clock, bytes(32), names)
    log.create()
    ours, disk = [], []
    with open(directory / "disk", "wb") as file:
        for _ in range(APPENDS):
            began = time.perf_counter()
            log.append("decision", person="p-1", conversation="c-1", **FACTS)
            ours.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            disk.append((time.perf_counter() - began) * 1000)
    append, floor = statistics.median(ours), statistics.median(disk)
    report.at_most("audit: durable append, pseudonyms included", append, TURN_MS / 10)
    report.note("audit: the disk alone, 4 KiB and fdatasync", floor)
    ring.close()
    log.engine.dispose()


def _verify(path: Path, entries: int) -> tuple[float, float]:
    """Seconds to verify a log of `entries`, and the most memory of this process so far in MB."""
    log, trust = _filled(path, entries)
    began = time.perf_counter()
    found = verify(log, trust=trust)
    seconds = time.perf_counter() - began
    assert (entries, entries) == (found.entries, found.checkpointed)
    log.engine.dispose()
    path.unlink()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _filled(path: Path, entries: int) -> tuple[AuditLog, Trust]:
    """A log written in bulk, as its own writer would have written it one by one."""
    log = AuditLog(open_engine(f"sqlite:///{path}"), SystemClock(), bytes(32))
    log.create()
    signer = Ed25519Signer("bench.example.org", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    frontier, chain = Frontier(), GENESIS
    body = {"at": "2026-11-25T12:00:00.000Z", "clock": "synchronised", "kind": "decision", **FACTS}
    body |= {"version": 2, "person": "0" * 32, "conversation": "1" * 32, "request_id": "2" * 32}
    connection = log.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    while frontier.size < entries:
        rows = []
        for _ in range(EVERY):
            number = frontier.size + 1
            text = canonical({**body, "request_id": f"{number:032x}"})
            chain = log.chain.link(number, chain, text.encode())
            rows.append((number, text, chain, frontier.push(leaf_hash(text.encode()))))
        note = sign(Checkpoint(signer.name, frontier.size, frontier.root()).text(), [signer])
        cursor.execute("BEGIN")
        cursor.executemany("INSERT INTO gh_audit VALUES (?, ?, ?, ?)", rows)
        values = (frontier.size // EVERY, frontier.size, note)
        cursor.execute("INSERT INTO gh_audit_checkpoints VALUES (?, ?, ?)", values)
        cursor.execute("COMMIT")
    connection.close()
    return log, Trust(signer.name, [signer.verifier()])

"""Several processes write one log, and one of them may die at any moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter

from gatehouse.audit import verify
from tests.patience import PATIENCE
from tests.unit.audit.conftest import KEY, open_log

WRITER = """
import sys
from gatehouse.audit import AuditLog
from gatehouse.clock import SystemClock
from gatehouse.db import open_engine

url, key, name, count = sys.argv[1:]
log = AuditLog(open_engine(url), SystemClock(), bytes.fromhex(key))
log.create()
for number in range(int(count)):
    print(log.append("action", reason=name, position_=number), flush=True)
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, url, KEY.hex(), name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_several_processes_keep_one_order(url: str) -> None:
    """Three processes at once leave one unbroken log; each one's entries are in its own order."""
    log = open_log(url)
    processes = [writer(url, name, 25) for name in ("a", "b", "c")]
    told = [
        set(map(int, process.communicate(timeout=PATIENCE)[0].split())) for process in processes
    ]
    assert [0, 0, 0] == [process.returncode for process in processes]
    bodies = [json.loads(entry.body) for entry in log.entries()]
    assert Counter({"a": 25, "b": 25, "c": 25}) == Counter(body["reason"] for body in bodies)
    for name in "abc":
        own = [body["position_"] for body in bodies if body["reason"] == name]
        assert list(range(25)) == own
    assert set(range(1, 76)) == set.union(*told)
    assert 75 == verify(log).entries


def test_what_was_acknowledged_survives_sigkill(url: str) -> None:
    """A writer killed in the middle leaves every entry that it was told of, and a whole log."""
    log = open_log(url)
    process = writer(url, "a", 100_000)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout if line.endswith("\n")]
    process.wait(timeout=PATIENCE)
    process.stdout.close()
    assert list(range(1, len(told) + 1)) == told
    assert verify(log).entries >= len(told)
    log.append("start")
    assert verify(log).entries > len(told)

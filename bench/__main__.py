"""`python -m bench [NAME …]`: runs each `bench/measure_NAME.py`, prints one table, writes JSON.

Every measurement runs in a process of its own and within a time limit, so that none warms up, slows
down or hangs another. Exit code 0 when all ran, 4 when one failed; a target that was missed is
shown, not an error, because a busy machine misses them too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Report, table

HERE = Path(__file__).parent
LIMIT = 900  # seconds for one measurement


def main() -> int:
    names = sorted(path.stem.removeprefix("measure_") for path in HERE.glob("measure_*.py"))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds for one measurement")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in names]
    if unknown:
        parser.error(f"unknown measurement {unknown[0]}; known are {', '.join(names)}")
    if given.here:
        return _measure(given.names[0], given.here)
    return _all(given.names or names, given.limit)


def _measure(name: str, result: Path) -> int:
    """One measurement in this process: `measure(report)` of its module."""
    report = Report()
    importlib.import_module(f"bench.measure_{name}").measure(report)
    result.write_text(json.dumps(report.as_json()), encoding="utf-8")
    return 0


def _all(names: list[str], limit: int) -> int:
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for name in names:
        began = time.monotonic()
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found = _in_process_of_its_own(name, limit)
        if found is None:
            failed.append(name)
        rows += [{"measurement": name, **row} for row in found or []]
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(rows))
    for name in failed:
        print(f"error: {name} did not finish", file=sys.stderr)
    _keep(rows, failed)
    return 4 if failed else 0


def _in_process_of_its_own(name: str, limit: int) -> list[dict[str, Any]] | None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        result = Path(directory) / "result.json"
        command = [sys.executable, "-m", "bench", name, "--here", str(result)]
        try:
            done = subprocess.run(command, timeout=limit, stdout=sys.stderr, check=False)
        except subprocess.TimeoutExpired:
            print(f"error: {name} took longer than {limit} s", file=sys.stderr)
            return None
        if done.returncode != 0 or not result.exists():
            return None
        found: list[dict[str, Any]] = json.loads(result.read_text(encoding="utf-8"))
        return found


def _keep(rows: list[dict[str, Any]], failed: list[str]) -> None:
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H%M%S")
    document = {
        "at": stamp,
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "failed": failed,
        "rows": rows,
    }
    path = results / f"{stamp}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(Path.cwd())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

"""A pytest plugin that writes down which tests ran and how they ended, for `gatehouse evidence`.

`-p tests.results --results-file FILE`. With pytest-xdist the workers report to the process that
distributes the tests, and only that one writes. The file appears in one step at the very end, so that
a run that was broken off leaves none; an older one is taken away when a run begins.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from pathlib import Path

import pytest

from gatehouse.clock import SystemClock, as_iso
from gatehouse.ops.evidence.outcomes import FORMAT, code_digest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results-file", metavar="FILE", help="Where to write how each test ended.")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--results-file")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(file)), "results-recorder")


class Recorder:
    """Counts how the variants of each test ended."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tests: dict[str, Counter[str]] = {}
        self._code = code_digest()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        expected_failure = hasattr(report, "wasxfail")
        if report.when == "call" or report.failed or report.skipped:
            ended = "skipped" if expected_failure else report.outcome
            self._tests.setdefault(report.nodeid.partition("[")[0], Counter())[ended] += 1

    def pytest_sessionfinish(self) -> None:
        document = {
            "format": FORMAT,
            "made": as_iso(SystemClock().now()),
            "code": self._code,
            "python": platform.python_version(),
            "tests": dict(sorted(self._tests.items())),
        }
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
        os.replace(partial, self._file)

"""The report as JSON: what other tools read.

Stable: `made` (RFC 3339), `target`, `tool`, `interrupted`, `summary`, and `attacks` with `id`, `outcome` (`passed`,
`failed`, `not_run`), `severity`, `stride`, `asvs`, `title`, `details`. `details` are findings of a
failed attack, or why one was not run.
"""

from __future__ import annotations

import json
from typing import Any

from gatehouse import __version__
from gatehouse.clock import as_iso
from gatehouse.ops.selftest.attack import STRIDE, Attack, Result
from gatehouse.ops.selftest.engine import Report


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "version": 1,
        "tool": {"name": "gatehouse selftest", "version": __version__},
        "made": as_iso(report.made),
        "target": report.target,
        "account": bool(report.account),
        "destructive": report.destructive,
        "interrupted": report.interrupted,
        "seconds": round(report.seconds, 1),
        "requests": report.requests,
        "summary": {name: len(report.having(name)) for name in ("passed", "failed", "not_run")},
        "attacks": [_result(result) for result in report.results],
    }


def as_json(report: Report) -> str:
    """The report as JSON text."""
    return json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"


def described(attack: Attack) -> dict[str, Any]:
    """One attack of the catalogue as plain values."""
    return {
        "id": attack.id,
        "title": attack.title,
        "severity": attack.severity,
        "stride": [STRIDE[letter] for letter in attack.stride],
        "asvs": list(attack.asvs),
        "needs": attack.needs,
        "destructive": attack.destructive,
        "expects": attack.expects,
        "mend": attack.mend,
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        **described(result.attack),
        "outcome": result.outcome,
        "details": list(result.details),
        "checks": result.checks,
        "requests": result.requests,
        "seconds": round(result.seconds, 2),
    }

"""The report as SARIF 2.1.0 (OASIS), which code hosts and vulnerability managers take in.

Each attack is a rule. A finding is a result of kind `fail`; what was withstood is `pass`, and what was
not run is `open`: it is not known.
"""

from __future__ import annotations

import json
from typing import Any

from gatehouse import __version__
from gatehouse.clock import as_iso
from gatehouse.ops.selftest.attack import STRIDE, Attack, Outcome, Result, Severity
from gatehouse.ops.selftest.engine import Report

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
}
_SCORES: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}
_KINDS: dict[Outcome, str] = {"failed": "fail", "passed": "pass", "not_run": "open"}


def as_sarif(report: Report) -> str:
    """The report as JSON text."""
    run = {
        "tool": {
            "driver": {
                "name": "gatehouse selftest",
                "version": __version__,
                "rules": [_rule(result.attack) for result in report.results],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.interrupted,
                "startTimeUtc": as_iso(report.made),
                "endTimeUtc": as_iso(report.made + report.seconds),
            }
        ],
        "results": [_result(report, at, result) for at, result in enumerate(report.results)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(attack: Attack) -> dict[str, Any]:
    return {
        "id": attack.id,
        "name": "".join(word.capitalize() for word in attack.id.split("-")),
        "shortDescription": {"text": f"{attack.title}."},
        "fullDescription": {"text": f"Expected: {attack.expects}"},
        "help": {"text": attack.mend},
        "defaultConfiguration": {"level": _LEVELS[attack.severity]},
        "properties": {
            "security-severity": _SCORES[attack.severity],
            "tags": [
                "security",
                *(f"stride/{STRIDE[letter].replace(' ', '-')}" for letter in attack.stride),
                *(f"asvs/5.0/{requirement}" for requirement in attack.asvs),
            ],
        },
    }


def _result(report: Report, at: int, result: Result) -> dict[str, Any]:
    attack = result.attack
    said = "; ".join(result.details) or "withstood"
    return {
        "ruleId": attack.id,
        "ruleIndex": at,
        "kind": _KINDS[result.outcome],
        "level": _LEVELS[attack.severity] if result.outcome == "failed" else "none",
        "message": {"text": said},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": report.target}}}],
        "partialFingerprints": {"attackAndTarget/v1": f"{attack.id} {report.target}"},
    }

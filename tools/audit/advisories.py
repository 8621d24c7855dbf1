"""Known vulnerabilities of the production set, asked of a public service by pip-audit or read from a copy (`offline`).

An answer for every package that is installed here, or it was not checked. An advisory that does not
concern us is named in `advisories.toml` with the reason and a day on which it is looked at again.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.audit import offline
from tools.audit.lock import PRODUCTION, ROOT, Locked

ACCEPTED = Path(__file__).parent / "advisories.toml"
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
SERVICES = ("pypi", "osv")
LONGEST = 600  # seconds
_ARGUMENTS = (
    *("--requirement", str(PRODUCTION), "--require-hashes", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off", "--timeout", "15"),
)

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability of one package; `accepted` is why it does not concern us, "" when it does."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed_in: tuple[str, ...]
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class Advisories:
    """What the service said; when it was not `checked`, `why` says so. An old copy may still have findings."""

    checked: bool
    why: str
    packages: int
    findings: tuple[Advisory, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "open": sum(not one.accepted for one in self.findings)}


def _run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "pip_audit", *arguments],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def advisories(
    expected: int,
    today: datetime.date,
    run: Run = _run,
    accepted: Mapping[str, Any] | None = None,
) -> Advisories:
    """Ask one service after the other; `expected` packages have to be answered for."""
    rules, whys = _rules(accepted), []
    for service in SERVICES:
        try:
            done = run([*_ARGUMENTS, "--vulnerability-service", service])
            answer = json.loads(done.stdout)["dependencies"]
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
            whys.append(f"{service} gave no answer")
            continue
        answered = [one for one in answer if "skip_reason" not in one]
        if len(answered) < expected:
            whys.append(f"{service} answered for {len(answered)} of {expected} packages")
            continue
        return Advisories(
            True, f"asked {service}", len(answered), _findings(answered, rules, today)
        )
    return Advisories(False, "; ".join(whys), 0)


def advisories_of_copy(
    copy: Path,
    packages: Sequence[Locked],
    today: datetime.date,
    accepted: Mapping[str, Any] | None = None,
) -> Advisories:
    """What a copy of a public collection says (`offline.read`); one that is not fresh is no check."""
    try:
        found, newest = offline.read(copy, packages)
    except offline.NotReadable as error:
        return Advisories(False, str(error), 0)
    grouped: dict[Locked, list[Mapping[str, Any]]] = {}
    for package, record in found:
        vulnerability = {**record, "fix_versions": offline.fixed_in(record, package)}
        grouped.setdefault(package, []).append(vulnerability)
    answered = [
        {"name": one.name, "version": one.version, "vulns": vulnerabilities}
        for one, vulnerabilities in grouped.items()
    ]
    fresh = (today - newest).days <= offline.FRESH
    why = f"read {copy.name}, whose newest entry is of {newest}"
    if not fresh:
        why += f", more than {offline.FRESH} days ago"
    return Advisories(fresh, why, len(packages), _findings(answered, _rules(accepted), today))


def _rules(accepted: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if accepted is None:
        return tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))
    return accepted


def _findings(
    answered: Sequence[Mapping[str, Any]], rules: Mapping[str, Any], today: datetime.date
) -> tuple[Advisory, ...]:
    return tuple(
        Advisory(
            str(one["name"]),
            str(one["version"]),
            str(found["id"]),
            tuple(found.get("aliases", ())),
            tuple(found.get("fix_versions", ())),
            _accepted({found["id"], *found.get("aliases", ())}, rules, today),
        )
        for one in answered
        for found in one.get("vulns", ())
    )


def _accepted(names: set[str], rules: Mapping[str, Any], today: datetime.date) -> str:
    for name in sorted(names & set(rules)):
        until, why = rules[name].get("until"), str(rules[name].get("why", ""))
        if isinstance(until, datetime.date) and today <= until and len(why) > 20:
            return why
    return ""

"""Runs every check beside the others and keeps what went wrong in one of them out of the rest.

A check that fails, hangs or needs settings that cannot be read is a finding of its own: "could not
be checked". None of them may end the examination or pass for good.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from gatehouse.clock import Clock, SystemClock
from gatehouse.errors import GatehouseError
from gatehouse.ops.doctor.finding import Finding, Report, bad, unknown
from gatehouse.ops.doctor.subject import Subject
from gatehouse.settings import Settings, load_settings

LIMIT: Final = 20.0  # seconds for all checks together

# In the order of the report; one module of `checks` each.
CHECKS: Final = (
    "clock",
    "files",
    "secrets",
    "tls",
    "keys",
    "database",
    "roles",
    "purge",
    "audit",
    "policies",
    "backups",
    "ports",
    "demo",
    "versions",
    "model",
    "disk",
    "limits",
    "provider",
)
Look = Callable[[Subject], Iterable[Finding]]

SETTINGS: Final = "settings"
_WITHOUT_SETTINGS: Final = ("clock", "versions", "model")
_EDIT: Final = "${EDITOR:-vi} gatehouse.toml"


def examine(
    home: Path,
    *,
    clock: Clock | None = None,
    environment: Mapping[str, str] | None = None,
    limit: float = LIMIT,
) -> Report:
    """Everything that can be said about the deployment in `home`; raises nothing."""
    clock = clock or SystemClock()
    environment = os.environ if environment is None else environment
    try:
        settings = load_settings(home, environment)
    except GatehouseError as error:
        what = " (".join([error.message, *error.hints[:1]]) + (")" if error.hints else "")
        first = _named(bad("settings.invalid", what, _EDIT), SETTINGS)
        subject = Subject(home.resolve(), _defaults(home), environment, clock)
        found = run(_WITHOUT_SETTINGS, subject, limit)
        why = "the settings cannot be read"
        others = [name for name in CHECKS if name not in _WITHOUT_SETTINGS]
        rest = [*found, *(_not_checked(name, why, _EDIT) for name in others)]
        return Report(clock.now(), "", (first, *rest))
    subject = Subject(home.resolve(), settings, environment, clock)
    fine = replace(Finding("settings.valid", "good", "the settings can be read"), check=SETTINGS)
    findings = run(CHECKS, subject, limit)
    return Report(clock.now(), settings.server.profile, (fine, *findings))


def _defaults(home: Path) -> Settings:
    return replace(load_settings(Path("/nonexistent"), {}), home=home.resolve())


def run(names: Iterable[str], subject: Subject, limit: float = LIMIT) -> list[Finding]:
    """The findings of the checks, in the order of `names`."""
    found: dict[str, list[Finding]] = {}
    # Before the threads begin: modules that import each other wait for each other in several.
    looks = {name: _look_of(name) for name in names}

    def look(name: str) -> None:
        found[name] = _looked(name, looks[name], subject)

    # Daemons: one that hangs must not keep the command from ending.
    threads = [threading.Thread(target=look, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    end = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = "it took too long"
    return [f for name in names for f in found.get(name) or [_not_checked(name, late)]]


def _look_of(name: str) -> Look:
    try:
        look: Look = import_module(f"gatehouse.ops.doctor.checks.{name}").look
    except Exception as error:  # noqa: BLE001 - a library may be missing or broken
        return partial(_raise, error)
    return look


def _raise(error: Exception, _subject: Subject) -> Iterable[Finding]:
    raise error


def _looked(name: str, look: Look, subject: Subject) -> list[Finding]:
    try:
        findings = [_named(finding, name) for finding in look(subject)]
    except GatehouseError as error:
        return [_not_checked(name, error.message, *error.hints)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not good
        return [_not_checked(name, type(error).__name__)]
    return findings or [_not_checked(name, "it found nothing to look at")]


def _named(finding: Finding, name: str) -> Finding:
    """With the name of its check, and without what a terminal would obey."""
    what = "".join(letter if letter.isprintable() else "?" for letter in finding.what)
    return replace(finding, check=name, what=what)


def _not_checked(name: str, why: str, hint: str = "", *_more: str) -> Finding:
    what = f"could not be checked: {why.splitlines()[0] if why else 'no reason given'}"
    quoted = re.search(r"`([^`]+)`", hint)
    return replace(unknown(f"{name}.unchecked", what, quoted[1] if quoted else hint), check=name)

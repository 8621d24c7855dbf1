"""Reads the settings of a deployment and refuses what cannot work.

From `gatehouse.toml` in the home directory, then from the environment (`GATEHOUSE_` + section + `_` +
key, upper case). An unknown key or a value outside its range stops the start and names the key.
Secrets are read from files (`…_file`) or the environment, never from a command line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gatehouse.errors import InvalidInput
from gatehouse.settings.backup import Backup
from gatehouse.settings.front_ends import FrontEnds
from gatehouse.settings.mail import Mail
from gatehouse.settings.passwords import Passwords
from gatehouse.settings.provider import Provider
from gatehouse.settings.sections import (
    Audit,
    Database,
    Keys,
    Limits,
    Logs,
    Metrics,
    Policy,
    Records,
    Retention,
    Server,
    Session,
    StepUp,
    Tls,
    Webhooks,
)
from gatehouse.settings.values import convert


@dataclass(frozen=True)
class Settings:
    """All settings of one deployment; `home` is the directory that relative paths start from."""

    home: Path
    server: Server
    database: Database
    audit: Audit
    records: Records
    keys: Keys
    tls: Tls
    retention: Retention
    session: Session
    front_ends: FrontEnds
    provider: Provider
    mail: Mail
    passwords: Passwords
    step_up: StepUp
    policy: Policy
    limits: Limits
    webhooks: Webhooks
    logs: Logs
    metrics: Metrics
    backup: Backup

    def path(self, relative: str) -> Path:
        """`relative` as an absolute path below `home`."""
        return (self.home / relative).resolve()

    def limits_url(self) -> str:
        """The address of the shared limits, from its file if one is named; empty for none."""
        return self._from_file(self.limits.store, self.limits.store_file, "the shared limits")

    def database_url(self, section: Database | Audit | Records | Keys) -> str:
        """The URL of a database, from its file if one is named, SQLite paths made absolute."""
        url = self._from_file(section.url, section.url_file, "a database")
        prefix = "sqlite:///"
        if url.startswith(prefix) and not url.startswith("sqlite:////"):
            return prefix + str(self.path(url.removeprefix(prefix)))
        return url

    def _from_file(self, url: str, file: str, what: str) -> str:
        """`url`, or what stands in `file` if one is named."""
        if not file:
            return url
        try:
            return self.path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInput(f"the file with the URL of {what} cannot be read: {file}") from error


SECTIONS: dict[str, type] = {
    "server": Server,
    "database": Database,
    "audit": Audit,
    "records": Records,
    "keys": Keys,
    "tls": Tls,
    "retention": Retention,
    "session": Session,
    "front_ends": FrontEnds,
    "provider": Provider,
    "mail": Mail,
    "passwords": Passwords,
    "step_up": StepUp,
    "policy": Policy,
    "limits": Limits,
    "webhooks": Webhooks,
    "logs": Logs,
    "metrics": Metrics,
    "backup": Backup,
}


def load_settings(home: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the deployment in `home`.

    Raises `InvalidInput` that names the key and what is allowed.
    """
    environment = os.environ if environment is None else environment
    document = _read(home / "gatehouse.toml")
    unknown = sorted(set(document) - set(SECTIONS))
    if unknown:
        raise InvalidInput(
            f"gatehouse.toml: unknown section {unknown[0]!r}", f"sections are {', '.join(SECTIONS)}"
        )
    known_variables = {
        _variable(section, item.name) for section, kind in SECTIONS.items() for item in fields(kind)
    }
    for name in environment:
        if name.startswith("GATEHOUSE_") and name not in known_variables | _OTHER_VARIABLES:
            raise InvalidInput(
                f"unknown environment variable {name}", "`gatehouse settings` lists every setting"
            )
    sections = {
        name: _section(name, kind, document.get(name, {}), environment)
        for name, kind in SECTIONS.items()
    }
    settings = Settings(home=home.resolve(), **sections)
    _require_sense(settings)
    return settings


def sources(home: Path, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where the value in force of each key comes from: default, gatehouse.toml or environment."""
    environment = os.environ if environment is None else environment
    document = _read(home / "gatehouse.toml")
    found = {}
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            source = "gatehouse.toml" if item.name in document.get(section, {}) else "default"
            if _variable(section, item.name) in environment:
                source = "environment"
            found[f"{section}.{item.name}"] = source
    return found


def differing(settings: Settings, mark: Callable[[str], str]) -> list[str]:
    """The settings that are not at their default, for the audit log.

    Numbers and choices with their value; free text, which may hold a password, with its `mark` only:
    enough to see that it changed.
    """
    found = []
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            key, value = f"{section}.{item.name}", getattr(getattr(settings, section), item.name)
            if value == convert(item.default, item.metadata, key):
                continue
            plain = isinstance(value, bool | int) or item.metadata.get("choices")
            found.append(f"{key}={value}" if plain else f"{key}#{mark(str(value))}")
    return found


def _require_sense(settings: Settings) -> None:
    """Refuse values that are well formed each by itself and cannot work."""
    origin = settings.server.public_origin
    if origin and not _is_origin(origin):
        raise InvalidInput(
            f"server.public_origin: {origin!r} is not an origin",
            "https://host or https://host:port, without a path; empty for localhost",
        )
    for one in settings.server.framed_by:
        if not _is_origin(one):
            raise InvalidInput(
                f"server.framed_by: {one!r} is not an origin",
                "https://host or https://host:port, without a path or wildcard",
            )
    if settings.session.idle > settings.session.absolute:
        raise InvalidInput(
            "session.idle: must not be longer than session.absolute",
            f"at most {settings.session.absolute}s",
        )
    zone = settings.policy.time_zone
    try:
        ZoneInfo(zone)
    except Exception as error:  # a hostile name raises OSError and others
        raise InvalidInput(
            f"policy.time_zone: {zone!r} is not a known time zone", "write it as Europe/Berlin"
        ) from error


def _is_origin(text: str) -> bool:
    match = re.fullmatch(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", text)
    return match is not None and (match[2] is None or 1 <= int(match[2]) <= 65535)


_OTHER_VARIABLES = {
    "GATEHOUSE_HOME",
    "GATEHOUSE_KEYS_PKCS11_PIN",
    "GATEHOUSE_KEYS_VAULT_TOKEN",
    "GATEHOUSE_PASSWORD_FILE",
}


def _variable(section: str, key: str) -> str:
    return f"GATEHOUSE_{section}_{key}".upper()


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"gatehouse.toml is not valid TOML: {error}") from error


def _section(name: str, kind: type, given: object, environment: Mapping[str, str]) -> Any:
    if not isinstance(given, dict):
        raise InvalidInput(f"gatehouse.toml: {name} must be a section, [{name}]")
    known = {item.name: item for item in fields(kind)}
    for key in given:
        if key not in known:
            raise InvalidInput(
                f"gatehouse.toml: unknown key {name}.{key}", f"keys are {', '.join(known)}"
            )
    values = {}
    for key, item in known.items():
        raw = environment.get(_variable(name, key), given.get(key, item.default))
        values[key] = convert(raw, item.metadata, f"{name}.{key}")
    return kind(**values)

"""Every setting of Gatehouse: its name, type, safe default and meaning, in one place.

Read from `gatehouse.toml` in the home directory, then from the environment (`GATEHOUSE_` + section
+ `_` + key, upper case). An unknown key or a value outside its range stops the start and names the
key. Secrets are read from files (`…_file`) or the environment, never from a command line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gatehouse.errors import InvalidInput

PROFILES = ("development", "production")
ON_END = ("destroy", "keep")
KEY_HOMES = ("file", "database")
KEY_ROOTS = ("file", "pkcs11", "aws-kms", "vault")
SUITES = ("aes256gcm", "chacha20poly1305")
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("console", "json")
COUNTS_FROM = ("last_message", "start")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object, key: str) -> int:
    """Seconds in `value`: a whole number of seconds or text such as `45s`, `15m`, `8h`, `30d`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"([1-9]\d{0,8})\s*([smhd]?)", value) if isinstance(value, str) else None
    if not match:
        raise InvalidInput(
            f"{key}: {value!r} is not a duration", "write a number and s, m, h or d, such as 15m"
        )
    return int(match[1]) * _UNITS[match[2] or "s"]


def _setting(default: Any, doc: str, *, kind: str = "text", **limits: Any) -> Any:
    return field(default=default, metadata={"doc": doc, "kind": kind, **limits})


@dataclass(frozen=True)
class Server:
    """Where and how Gatehouse listens."""

    profile: str = _setting(
        "development",
        "`production` refuses to serve with demo accounts, demo keys or the local certificate authority.",
        choices=PROFILES,
    )
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(5005, "Port to listen on.", kind="int", low=1, high=65535)
    public_origin: str = _setting(
        "", "Origin that browsers use; empty means `https://localhost:<port>`."
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Addresses of proxies whose forwarded headers are believed.", kind="list"
    )

    framed_by: tuple[str, ...] = _setting(
        (),
        "Origins of pages that may show the chat page in a frame; of the same site only, since the "
        "session cookie is SameSite=Strict.",
        kind="list",
    )

    @property
    def origin(self) -> str:
        return self.public_origin or f"https://localhost:{self.port}"


@dataclass(frozen=True)
class Database:
    """Gatehouse's own tables: conversations, people, sessions, step-up."""

    url: str = _setting("sqlite:///var/gatehouse.db", "SQLAlchemy URL; SQLite or PostgreSQL.")
    url_file: str = _setting("", "File that holds the URL, when it contains a password.")


@dataclass(frozen=True)
class Audit:
    """The audit log."""

    url: str = _setting(
        "sqlite:///var/audit.db", "SQLAlchemy URL of the log; SQLite or PostgreSQL."
    )
    url_file: str = _setting("", "File that holds the URL, when it contains a password.")
    origin: str = _setting(
        "", "Name of the log in its checkpoints; empty derives one from its key. New name, new log."
    )
    checkpoint_entries: int = _setting(
        1000, "Sign a checkpoint after this many entries.", kind="int", low=1, high=1_000_000
    )
    checkpoint_interval: int = _setting(
        "60s", "Sign a checkpoint after this time, if there are new entries.", kind="duration"
    )
    witness_file: str = _setting(
        "var/witness/audit.jsonl",
        "File that remembers checkpoints; put it on another volume. Empty for none.",
    )
    witness_url: str = _setting("", "A witness that speaks C2SP tlog-witness, https://….")
    witness_key: str = _setting("", "Its verifier key, name+id+key.")
    witness_authority: str = _setting("", "PEM file of the authority of its certificate.")
    post_quantum: str = _setting(
        "off", "Sign checkpoints with ML-DSA-44 as well (3 KB each).", choices=("off", "on")
    )
    pseudonyms: int = _setting(
        "400d", "How long entries can be found by person; whole quarters.", kind="duration"
    )


@dataclass(frozen=True)
class Records:
    """The system of record that the actions read and write (the demo organisation's)."""

    url: str = _setting("sqlite:///var/records.db", "SQLAlchemy URL of the system of record.")
    url_file: str = _setting("", "File that holds the URL, when it contains a password.")


@dataclass(frozen=True)
class Keys:
    """Keys that encrypt conversations. Never put this directory into a backup."""

    directory: str = _setting("var/keys", "Directory of the key root and the key ring, mode 0700.")
    home: str = _setting(
        "file",
        "Where the ring lives: `file` for one host, `database` (PostgreSQL) for several.",
        choices=KEY_HOMES,
    )
    url: str = _setting("", "Database of the ring when `home` is `database`; empty: [database].")
    url_file: str = _setting("", "File that holds that URL, when it contains a password.")
    mirror: str = _setting("", "Directory on another volume that always holds a copy of the ring.")
    root: str = _setting(
        "file",
        "Where the root lives: files, a hardware module or a key service.",
        choices=KEY_ROOTS,
    )
    namespace: str = _setting(
        "gatehouse", "First part of the names of roots in a module or service; one per deployment."
    )
    suite: str = _setting(
        "aes256gcm", "Cipher for what is sealed from now on; older records open.", choices=SUITES
    )
    expiry_every: int = _setting(
        "1s", "Pause between two root generations made for scheduled expiry.", kind="duration"
    )
    root_copies_kept: int = _setting(
        "0s",
        "How long backups of the place of the roots are kept; counts into `irreversible_at`.",
        kind="duration",
        zero=True,
    )
    pkcs11_module: str = _setting("", "Path of the PKCS#11 library.")
    pkcs11_token: str = _setting("", "Label of the PKCS#11 token.")
    pkcs11_pin_file: str = _setting("", "File that holds its user PIN, mode 0600.")
    aws_region: str = _setting("", "Region of AWS KMS; credentials come from the usual AWS chain.")
    aws_endpoint: str = _setting("", "Another address of AWS KMS, such as a private endpoint.")
    aws_deletion_days: int = _setting(
        7, "Days until AWS KMS deletes a destroyed root for good.", kind="int", low=7, high=30
    )
    vault_address: str = _setting("", "Address of Vault or OpenBao, https.")
    vault_mount: str = _setting("transit", "Mount of its Transit engine.")
    vault_namespace: str = _setting("", "Namespace in Vault or OpenBao.")
    vault_token_file: str = _setting(
        "", "File that holds the token, mode 0600; read anew each time."
    )
    vault_ca_file: str = _setting("", "PEM file of the authority that signed its certificate.")
    signing: int = _setting(
        "24h", "How long one key signs assertions and action calls.", kind="duration", high=2592000
    )


@dataclass(frozen=True)
class Tls:
    """HTTPS. Without a certificate a local authority makes one for `localhost`."""

    certificate: str = _setting("", "PEM file of the certificate chain.")
    key: str = _setting("", "PEM file of its private key, mode 0600.")
    directory: str = _setting("var/tls", "Where the local authority lives.")


@dataclass(frozen=True)
class Retention:
    """How long a conversation can be read."""

    ttl: int = _setting(
        "24h",
        "Time to expiry; retention classes of the policies may shorten it.",
        kind="duration",
    )
    counts_from: str = _setting(
        "last_message",
        "Whether `ttl` counts from the last message, or from the start and never moves.",
        choices=COUNTS_FROM,
    )
    purge_interval: int = _setting("60s", "Pause between two purges.", kind="duration")
    hold_role: str = _setting(
        "compliance", "Role of those who may put a legal hold; it takes two of them."
    )
    on_end: str = _setting(
        "destroy", "What happens when a person ends a conversation.", choices=ON_END
    )


@dataclass(frozen=True)
class Session:
    """Sign-in sessions."""

    idle: int = _setting(
        "15m", "A session ends after this time without a message.", kind="duration"
    )
    absolute: int = _setting("8h", "A session ends after this time in any case.", kind="duration")


@dataclass(frozen=True)
class StepUp:
    """The second factor."""

    challenge: int = _setting(
        "5m", "How long a request waits for its code; 5m at most.", kind="duration", high=300
    )
    attempts: int = _setting(
        5, "Wrong codes per request before it is cancelled.", kind="int", low=1, high=10
    )
    totp_back: int = _setting(
        1, "Time steps of 30 s that a code may be old; 0 is ASVS-strict.", kind="int", low=0, high=1
    )


@dataclass(frozen=True)
class Policy:
    """The rules that compliance staff edit."""

    directory: str = _setting("policies", "Directory of the policy files.")
    time_zone: str = _setting("Europe/Berlin", "Time zone of rules that name none.")
    four_eyes: bool = _setting(
        False,
        "An edit that opens something waits until a second person approves it.",
        kind="truth",
    )
    approver_role: str = _setting(
        "compliance", "Role that the two people of an edit need when four_eyes is on."
    )


@dataclass(frozen=True)
class Limits:
    """Sizes and rates of the web channel."""

    body: int = _setting(16384, "Bytes in a request body.", kind="int", low=1024, high=1 << 20)
    text: int = _setting(2000, "Characters in a message.", kind="int", low=100, high=10000)
    messages_per_minute: int = _setting(
        30, "Messages per person and minute.", kind="int", low=1, high=10000
    )
    sign_ins_per_minute: int = _setting(
        20, "Sign-in attempts per source and minute.", kind="int", low=1, high=10000
    )
    requests_per_minute: int = _setting(
        240, "Requests of one session and minute, of every kind.", kind="int", low=30, high=100_000
    )
    strangers_per_minute: int = _setting(
        120,
        "Requests per minute of one address that is not signed in.",
        kind="int",
        low=10,
        high=100_000,
    )
    strangers_per_second: int = _setting(
        50,
        "Requests per second of everybody who is not signed in, all together; above it they wait.",
        kind="int",
        low=1,
        high=100_000,
    )
    store: str = _setting(
        "", "Redis that several serving processes count in, redis:// or rediss://; empty for one."
    )
    store_file: str = _setting("", "File that holds that address, when it contains a password.")


@dataclass(frozen=True)
class Logs:
    """Application logs, on stderr. No level shows what people say, type or own."""

    level: str = _setting("info", "Least level of Gatehouse's own lines.", choices=LEVELS)
    libraries: str = _setting(
        "error", "Least level of every library's lines, shown without values.", choices=LEVELS
    )
    format: str = _setting(
        "console", "Words for a terminal, or one JSON object a line.", choices=FORMATS
    )


@dataclass(frozen=True)
class Metrics:
    """Numbers for Prometheus; without either setting they are shown to nobody."""

    port: int = _setting(
        0,
        "Port on 127.0.0.1 that shows /metrics, /healthz and /readyz over plain HTTP; 0 for none.",
        kind="int",
        low=0,
        high=65535,
    )
    token_file: str = _setting(
        "", "File with the bearer token for /metrics over HTTPS, 32 characters or more."
    )


@dataclass(frozen=True)
class Webhooks:
    """Signed messages to and from other systems."""

    file: str = _setting(
        "webhooks.toml", "File that names the other systems and their secrets; may be missing."
    )


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
    step_up: StepUp
    policy: Policy
    limits: Limits
    webhooks: Webhooks
    logs: Logs
    metrics: Metrics

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
    "step_up": StepUp,
    "policy": Policy,
    "limits": Limits,
    "webhooks": Webhooks,
    "logs": Logs,
    "metrics": Metrics,
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
            if value == _convert(item.default, item.metadata, key):
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
        values[key] = _convert(raw, item.metadata, f"{name}.{key}")
    return kind(**values)


def _convert(raw: object, rules: Mapping[str, Any], key: str) -> Any:
    kind = rules["kind"]
    if kind == "duration":
        return _duration(raw, rules, key)
    if kind == "int":
        return _whole_number(raw, rules, key)
    if kind == "list":
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise InvalidInput(f"{key}: must be a list of text")
        return tuple(item.strip() for item in items if item.strip())
    if kind == "truth":
        if not isinstance(raw, bool) and raw not in ("true", "false"):
            raise InvalidInput(f"{key}: {raw!r} is not allowed", "true or false")
        return raw is True or raw == "true"
    if not isinstance(raw, str):
        raise InvalidInput(f"{key}: must be text")
    choices = rules.get("choices")
    if choices and raw not in choices:
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"one of {', '.join(choices)}")
    return raw


def _duration(raw: object, rules: Mapping[str, Any], key: str) -> int:
    if rules.get("zero") and raw in (0, "0", "0s"):
        return 0
    seconds = parse_duration(raw, key)
    if seconds > rules.get("high", seconds):
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"at most {rules['high'] // 60}m")
    return seconds


def _whole_number(raw: object, rules: Mapping[str, Any], key: str) -> int:
    low, high = rules["low"], rules["high"]
    number: int | None = None
    if isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    elif isinstance(raw, str) and re.fullmatch(r"\d{1,9}", raw):
        number = int(raw)
    if number is None or not low <= number <= high:
        raise InvalidInput(f"{key}: {raw!r} is not allowed", f"a whole number from {low} to {high}")
    return number

"""Which systems messages go to and come from: `webhooks.toml`, read once at the start.

Each endpoint names its secrets by file, newest first, and the addresses that it may lead to or
come from. An entry that is not understood stops the start; nothing is reachable by default.
"""

from __future__ import annotations

import ipaddress
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gatehouse.errors import InvalidInput
from gatehouse.webhooks.signature import read_secret

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_SECRETS = 4

KINDS = frozenset({"person.left"})
"""Every kind of message that something is done with; see `gatehouse.channel.hooks`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go: an https address, the keys that sign (newest first), allowed addresses.

    Without `addresses` the name may lead to any public address, and to no private or local one.
    `authority` is a PEM file of the certificate authority to trust instead of the system's.
    """

    name: str
    url: str
    keys: tuple[bytes, ...]
    addresses: tuple[Network, ...] = ()
    authority: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 443

    def allows(self, address: Address) -> bool:
        """Whether a connection to `address` may be made."""
        mapped = getattr(address, "ipv4_mapped", None) or address
        if self.addresses:
            return any(mapped in network for network in self.addresses)
        return bool(mapped.is_global) and not mapped.is_multicast


@dataclass(frozen=True, slots=True)
class Source:
    """Where messages come from: the keys that may have signed, the addresses, the kinds."""

    name: str
    keys: tuple[bytes, ...]
    kinds: frozenset[str]
    addresses: tuple[Network, ...] = ()

    def allows(self, address: str) -> bool:
        """Whether a message may come from `address`; any may where none is listed."""
        if not self.addresses:
            return True
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self.addresses)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All endpoints of a deployment, by name."""

    outgoing: Mapping[str, Target]
    incoming: Mapping[str, Source]


def read_endpoints(path: Path) -> Endpoints:
    """The endpoints in the file `path`; none when there is no such file.

    Paths in it are relative to its directory. Raises `InvalidInput` naming the entry.
    """
    if not path.exists():
        return Endpoints({}, {})
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} cannot be read: {error}") from error
    for key in document:
        if key not in ("outgoing", "incoming"):
            raise InvalidInput(
                f"{path.name}: unknown section {key!r}", "[outgoing.x], [incoming.x]"
            )
    reader = _Reader(path)
    return Endpoints(
        {name: reader.target(name, one) for name, one in _entries(path, document, "outgoing")},
        {name: reader.source(name, one) for name, one in _entries(path, document, "incoming")},
    )


class _Reader:
    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._directory = path.parent

    def target(self, name: str, given: dict[str, Any]) -> Target:
        where = f"{self._file}: outgoing.{name}"
        _only(where, given, {"url", "secrets", "addresses", "authority"})
        url = given.get("url")
        if not isinstance(url, str) or not _is_https(url):
            raise InvalidInput(f"{where}.url: must be an https:// address without user or fragment")
        authority = given.get("authority", "")
        if not isinstance(authority, str):
            raise InvalidInput(f"{where}.authority: must be the name of a file")
        if authority:
            authority = str(self._directory / authority)
        return Target(
            name, url, self._keys(where, given), _networks(where, given, "addresses"), authority
        )

    def source(self, name: str, given: dict[str, Any]) -> Source:
        where = f"{self._file}: incoming.{name}"
        _only(where, given, {"secrets", "kinds", "addresses"})
        kinds = _texts(where, given, "kinds")
        if not kinds:
            raise InvalidInput(f"{where}.kinds: names the kinds of message that may come")
        if unknown := sorted(set(kinds) - KINDS):
            raise InvalidInput(
                f"{where}.kinds: nothing is done with {unknown[0]!r}",
                f"kinds are {', '.join(sorted(KINDS))}",
            )
        return Source(
            name, self._keys(where, given), frozenset(kinds), _networks(where, given, "addresses")
        )

    def _keys(self, where: str, given: dict[str, Any]) -> tuple[bytes, ...]:
        names = _texts(where, given, "secrets")
        if not 1 <= len(names) <= _MOST_SECRETS:
            raise InvalidInput(
                f"{where}.secrets: names 1 to {_MOST_SECRETS} files, the newest secret first"
            )
        return tuple(self._key(where, name) for name in names)

    def _key(self, where: str, name: str) -> bytes:
        path = self._directory / name
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise InvalidInput(f"{where}.secrets: others can read {name}", f"chmod 600 {path}")
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{where}.secrets: {name} cannot be read") from error
        return read_secret(text, f"{where}.secrets: {name}")


def _entries(path: Path, document: dict[str, Any], kind: str) -> list[tuple[str, dict[str, Any]]]:
    section = document.get(kind, {})
    if not isinstance(section, dict):
        raise InvalidInput(f"{path.name}: {kind} must be a section, [{kind}.name]")
    for name, one in section.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name) or not isinstance(one, dict):
            raise InvalidInput(f"{path.name}: {kind}.{name}: not an endpoint with a plain name")
    return list(section.items())


def _only(where: str, given: dict[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise InvalidInput(
                f"{where}: unknown key {key!r}", f"keys are {', '.join(sorted(known))}"
            )


def _texts(where: str, given: dict[str, Any], key: str) -> list[str]:
    found = given.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise InvalidInput(f"{where}.{key}: must be a list of text")
    return found


def _networks(where: str, given: dict[str, Any], key: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(item) for item in _texts(where, given, key))
    except ValueError as error:
        raise InvalidInput(
            f"{where}.{key}: {error}", "write 203.0.113.7 or 203.0.113.0/24"
        ) from error


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and parts.username is None
        and parts.password is None
        and not parts.fragment
        and (port is None or port > 0)
        and re.fullmatch(r"[\x21-\x7e]+", url) is not None
    )

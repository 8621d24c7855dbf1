"""The address that is attacked: named by its owner, resolved once, and recognised before anything else.

Attacking what belongs to somebody else is a crime in most places, so an address that is not this
machine needs the owner's word, and what does not answer like a Gatehouse is left alone after three
harmless requests.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.selftest.wire import Answer, Slow, Unreachable, Wire


@dataclass(frozen=True, slots=True)
class Target:
    """An origin, `https://host:port`, and what its name resolved to; the first is attacked."""

    origin: str
    name: str
    port: int
    addresses: tuple[str, ...]

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def netloc(self) -> str:
        """As the Host header has it."""
        return self.origin.removeprefix("https://")

    @property
    def is_this_machine(self) -> bool:
        return all(
            ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in self.addresses
        )

    def wire(self, trust: ssl.SSLContext | None, source: str = "", port: int = 0) -> Wire:
        """Connections to it, or to another port of the same address."""
        return Wire((self.address, port or self.port), self.name, trust, source)


def read_target(url: str) -> Target:
    """The target that `url` names; raises `InvalidInput` or, for an unknown name, `NotReady`."""
    hint = "write it as https://desk.example.org or https://localhost:5005"
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        raise InvalidInput("this is not an address", hint) from error
    if parts.scheme != "https" or not name or parts.username or parts.password:
        raise InvalidInput("the address must be https:// and a host, without a user", hint)
    if parts.path not in ("", "/", "/chat") or parts.query or parts.fragment:
        raise InvalidInput("the address must be that of the site, without a path", hint)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReady(f"{name} is not known to the name service", "check the name") from error
    shown = f"[{name}]" if ":" in name else name
    origin = f"https://{shown}" if port == 443 else f"https://{shown}:{port}"
    return Target(origin, name, port, tuple(str(item[4][0]) for item in found))


def settled(target: Target) -> Target:
    """`target` with the one of its addresses that takes connections; as it is if none does."""
    for address in target.addresses:
        try:
            with socket.create_connection((address, target.port), timeout=5):
                return replace(target, addresses=(address,))
        except OSError:
            continue
    return target


def trust_in(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the system's authorities, or those in `ca_file` alone."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(f"{ca_file} holds no certificates", "name a PEM file") from error


def recognise(target: Target, ask: Wire, agent: str) -> None:
    """Raise `NotReady` unless a Gatehouse answers at `target`, and say what answers instead."""
    for path in ("/healthz", "/api/v1/session", "/chat"):
        sent = (
            f"GET {path} HTTP/1.1\r\nHost: {target.netloc}\r\nUser-Agent: {agent}\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n"
        )
        try:
            answer = ask.exchange(sent.encode("ascii", "replace"))
        except Slow as error:
            raise NotReady(f"{target.origin} does not answer in time", "try again later") from error
        except Unreachable as error:
            raise NotReady(f"{target.origin}: {error}", *_hints(str(error))) from error
        if 300 <= answer.status < 400:
            raise NotReady(
                f"{target.origin} leads elsewhere ({path}: {answer.status}); nothing was followed",
                "name the address that people use, if it is yours",
            )
        if path == "/api/v1/session" and _is_ours(answer):
            return
    raise NotReady(
        f"what answers at {target.origin} is no Gatehouse; nothing was attacked",
        "check host and port",
    )


def _is_ours(answer: Answer) -> bool:
    return answer.status in (401, 403, 429, 503) and bool(answer.code)


def _hints(said: str) -> tuple[str, ...]:
    if "certificate" in said:
        return (
            "--ca-file names the authority that signed it, such as var/tls/authority.pem",
            "the name in the address must be in the certificate",
        )
    return ("check that it is running and that the port is right",)

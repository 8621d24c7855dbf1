"""Doors beside ours: Rasa's HTTP API, stock channels and the action server, on any port of this machine.

Asks only addresses of this machine, with requests that change nothing. Whoever reaches an action
server or Rasa's API reaches what the rules protect.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from gatehouse.ops.doctor.finding import Finding, advice, bad, good, unknown
from gatehouse.ops.doctor.listening import Listener, listeners
from gatehouse.ops.doctor.subject import Subject

_ACTIONS = 5055
_RASA = 5005
_PATIENCE = 3.0  # seconds
_BANNER = "Hello from Rasa"
_MOST = 65536


def look(subject: Subject) -> Iterator[Finding]:
    server = subject.settings.server
    try:
        listening = listeners()
    except OSError:
        yield unknown("ports.unlisted", "this system does not list its listening ports", "ss -ltn")
        listening = [
            Listener("127.0.0.1", port) for port in {server.port, _RASA, *_actions(subject)}
        ]
    ours = [one for one in listening if one.port == server.port]
    found = [*_rasa(subject, listening), *_action_server(subject, listening)]
    yield from found
    if not found:
        yield good("ports.none", "neither Rasa's HTTP API nor an open action server listens")
    yield from _own(subject, ours)


def _own(subject: Subject, ours: list[Listener]) -> Iterator[Finding]:
    """Whether our server answers, and where it can be reached."""
    if not ours:
        yield good("ports.idle", "no server runs on the port of this deployment")
        return
    ready = _get(_reach(ours[0]), subject.settings.server.port, "/readyz", tls=True)
    if ready is None:
        mend = "gatehouse run"
        yield bad("ports.silent", "the server's port is open and does not answer HTTPS", mend)
    elif ready[0] != 200:
        yield bad("ports.not_ready", "the server runs and is not ready", "gatehouse audit tail")
    else:
        yield good("ports.ready", "the server runs and is ready")
    if not subject.production and not all(one.loopback for one in ours):
        what = "the development profile can be reached from other machines"
        yield advice("ports.reachable", what, 'in gatehouse.toml: [server] host = "127.0.0.1"')


def _rasa(subject: Subject, listening: list[Listener]) -> Iterator[Finding]:
    """A Rasa server that does not speak as our channel does."""
    for one in _once(listening, {_RASA, subject.settings.server.port}):
        for tls in (False, True):
            root = _get(_reach(one), one.port, "/", tls=tls)
            if root is None:
                continue
            api = _get(_reach(one), one.port, "/version", tls=tls)
            if _BANNER in root[1] or (api is not None and api[0] == 200 and "version" in api[1]):
                where = f"port {one.port}" + ("" if one.loopback else ", from other machines too")
                what = f"Rasa's own server answers on {where}"
                yield bad("ports.rasa", what, f"{_stop(one.port)}; gatehouse run")
                break


def _action_server(subject: Subject, listening: list[Listener]) -> Iterator[Finding]:
    for one in _once(listening, _actions(subject)):
        health = _get(_reach(one), one.port, "/health", tls=False)
        actions = _get(_reach(one), one.port, "/actions", tls=False)
        if actions is not None and actions[0] == 200 and actions[1].lstrip().startswith("["):
            what = f"an action server that answers anybody listens on port {one.port}"
            yield bad("ports.actions", what, _stop(one.port))
        elif health is not None and health[0] == 200 and not one.loopback:
            what = f"the action server on port {one.port} can be reached from other machines"
            yield advice(
                "ports.actions_reachable", what, f"{_stop(one.port)}; rasa run actions -i 127.0.0.1"
            )


def _actions(subject: Subject) -> set[int]:
    """The ports on which an action server is to be expected."""
    ports = {_ACTIONS}
    try:
        text = (subject.home / "endpoints.yml").read_text(encoding="utf-8")
    except OSError:
        return ports
    for line in text.splitlines():
        key, _, value = line.strip().partition(":")
        if key == "url":
            try:
                ports.add(urlsplit(value.strip().strip("'\"")).port or _ACTIONS)
            except ValueError:
                continue
    return ports


def _once(listening: list[Listener], ports: set[int]) -> list[Listener]:
    """One listener for each port, the one that others reach if there is one."""
    found: dict[int, Listener] = {}
    for one in sorted(listening, key=lambda one: one.loopback, reverse=True):
        if one.port in ports:
            found[one.port] = one
    return list(found.values())


def _reach(one: Listener) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(one.address, one.address)


def _get(host: str, port: int, path: str, *, tls: bool) -> tuple[int, str] | None:
    """Status and beginning of the body; None when it does not speak so."""
    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whoever it is
        connection = http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST).decode("utf-8", "replace")
    except (TimeoutError, OSError, http.client.HTTPException, json.JSONDecodeError):
        return None
    finally:
        connection.close()


def _stop(port: int) -> str:
    return f"fuser -k -TERM {port}/tcp"

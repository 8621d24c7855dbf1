"""One request, one connection, one bounded answer.

Written over sockets because attacks need bytes that no HTTP library would send, and because the other
side may be hostile: an answer has a limit in bytes and one in time that dripping cannot stretch, no
redirect is followed, no proxy is asked, and the address is resolved once, so that a name which
changes its mind cannot lead the attacks to somebody else.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LARGEST = 1 << 20  # bytes of an answer that are read
TIMEOUT = 20.0  # seconds for a connection and for a whole answer

Pairs = tuple[tuple[str, str], ...]


class Unreachable(Exception):
    """No connection, or it broke before there was an answer; the text says how."""


class Slow(Unreachable):
    """No complete answer within the time."""


class NotHttp(Unreachable):
    """What came back is no HTTP/1.1 answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `cut` says that there was more than is kept in `body`."""

    status: int
    headers: Pairs
    body: bytes
    seconds: float = 0.0
    cut: bool = False

    def all(self, name: str) -> list[str]:
        """Every value of the header `name`."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The values of the header `name`, joined; empty when there is none."""
        return ", ".join(self.all(name))

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def code(self) -> str:
        """The stable code of an error of ours; empty when it has another form."""
        found = self.json
        error = found.get("error") if isinstance(found, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else ""


class Wire:
    """Connections to one address. `trust` None speaks without TLS; `source` is the own address."""

    def __init__(
        self,
        address: tuple[str, int],
        name: str,
        trust: ssl.SSLContext | None,
        source: str = "",
    ) -> None:
        self._address = address
        self._name = name
        self._trust = trust
        self._source = (source, 0) if source else None

    def exchange(
        self, sent: bytes, method: str = "GET", timeout: float = TIMEOUT, *, head_only: bool = False
    ) -> Answer:
        """Send one request and read its answer; raises `Unreachable`."""
        until = time.monotonic() + timeout
        with self.open(timeout) as link:
            started = time.monotonic()
            with translated():
                link.settimeout(timeout)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    link.sendall(sent)  # a refusal may come before all of it is taken
            return read(link, method, until, started, head_only=head_only)

    @contextlib.contextmanager
    def open(self, timeout: float = TIMEOUT) -> Iterator[socket.socket]:
        """A connection, for who speaks byte by byte; raises `Unreachable`."""
        with translated():
            plain = socket.create_connection(self._address, timeout, self._source)
        with plain:
            if self._trust is None:
                yield plain
                return
            with translated():
                secured = self._trust.wrap_socket(plain, server_hostname=self._name)
            with secured:
                yield secured


def read(
    link: socket.socket,
    method: str,
    until: float,
    started: float,
    limit: int = LARGEST,
    *,
    head_only: bool = False,
) -> Answer:
    """The next answer on `link`, or its head alone; raises `Unreachable`."""
    with translated():
        response = http.client.HTTPResponse(_Timed(link, until), method=method)  # type: ignore[arg-type]
        response.begin()
        first = time.monotonic()
        try:
            body = b"" if head_only else response.read(limit + 1)
        except http.client.IncompleteRead as error:
            body = error.partial
        headers = tuple((name, value) for name, value in response.getheaders())
        return Answer(response.status, headers, body[:limit], first - started, len(body) > limit)


class _Timed(io.RawIOBase):
    """Reads from a socket until one moment, however little comes at a time."""

    def __init__(self, link: socket.socket, until: float) -> None:
        self._link = link
        self._until = until

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 16384)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._link.settimeout(left)
        return self._link.recv_into(buffer)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Every failure of the network or of the other side as `Unreachable`."""
    try:
        yield
    except TimeoutError as error:
        raise Slow("no complete answer in time") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"the certificate is not trusted: {error.verify_message}") from error
    except http.client.HTTPException as error:
        if isinstance(error, http.client.RemoteDisconnected):
            raise Unreachable("the connection was closed without an answer") from error
        raise NotHttp("the answer is not HTTP") from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Unreachable(str(said)) from error

"""What attacks speak with: the site as strangers and as signed-in browsers see it, within bounds.

Every request counts against the limits of the run. A throttled request is repeated when its time has
come, because a 429 would pass for any other refusal; one that stays throttled ends the attack as
"not run".
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from json import dumps
from typing import Any

from gatehouse.ops.selftest.account import LentAccount
from gatehouse.ops.selftest.attack import cannot
from gatehouse.ops.selftest.browser import Browser
from gatehouse.ops.selftest.target import Target
from gatehouse.ops.selftest.wire import TIMEOUT, Answer, Wire

AGENT = "Gatehouse-selftest/1 (a test by the owner of this site)"
LONGEST_WAIT = 75.0  # seconds that one request waits for a throttle

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a run: requests, and seconds."""

    requests: int = 2000
    seconds: float = 1200.0


@dataclass(frozen=True, slots=True)
class Words:
    """What is said to the assistant: requests that need a code, and requests that the test account
    is refused. The defaults are those of the demonstration."""

    sensitive: str = "show me my payslip for last month"
    forbidden: tuple[str, ...] = ()
    offers_buttons: str = "what do you store about me"
    webhook: str = ""


@dataclass(slots=True)
class Site:
    """The target of a run."""

    target: Target
    trust: ssl.SSLContext
    account: LentAccount | None = None
    bounds: Bounds = field(default_factory=Bounds)
    words: Words = field(default_factory=Words)
    source: str = ""
    side_ports: tuple[int, ...] = (5055, 5005)
    sleep: Callable[[float], None] = time.sleep
    waiting: Callable[[float], None] = lambda seconds: None
    requests: int = 0
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _person: Browser | None = None
    _browsers: list[Browser] = field(default_factory=list)

    # Requests

    def send(
        self,
        method: str,
        path: str,
        headers: Iterable[Header] = (),
        body: bytes = b"",
        *,
        patient: bool = True,
        timeout: float = TIMEOUT,
        head_only: bool = False,
    ) -> Answer:
        """One request with exactly these headers (Host, User-Agent and Content-Length come by
        themselves unless given); raises `Unreachable` and, when it stays throttled, `NotRun`."""
        sent = self.bytes_of(method, path, headers, body)
        waited = 0.0
        while True:
            answer = self.raw(sent, method, timeout=timeout, head_only=head_only)
            if not patient or not _is_throttled(answer):
                return answer
            pause = _pause_of(answer)
            if waited + pause > LONGEST_WAIT:
                cannot("throttled for too long; run it again later")
            waited += pause
            self.pause(pause)

    def raw(
        self, sent: bytes, method: str = "GET", *, timeout: float = TIMEOUT, head_only: bool = False
    ) -> Answer:
        """The answer to exactly these bytes; raises `Unreachable`."""
        self.count()
        return self.wire().exchange(sent, method, timeout, head_only=head_only)

    def wire(self, *, tls: bool = True, port: int = 0) -> Wire:
        """Connections for who speaks byte by byte; `count` each."""
        return self.target.wire(self.trust if tls else None, self.source, port)

    def count(self) -> None:
        """Count one request; raises `NotRun` when the run has used up what it may."""
        with self._lock:
            self.requests += 1
            spent = time.monotonic() - self._began
            if self.requests > self.bounds.requests or spent > self.bounds.seconds:
                cannot("the limits of this run were reached (--max-requests, --max-minutes)")

    def pause(self, seconds: float) -> None:
        """Wait, as whoever watches is told."""
        self.waiting(seconds)
        self.sleep(seconds)

    def bytes_of(
        self, method: str, path: str, headers: Iterable[Header] = (), body: bytes = b""
    ) -> bytes:
        """A request as it goes over the wire."""
        given = list(headers)
        names = {name.lower() for name, _ in given}
        lines = [f"{method} {path} HTTP/1.1"]
        if "host" not in names:
            lines.append(f"Host: {self.target.netloc}")
        if "user-agent" not in names:
            lines.append(f"User-Agent: {AGENT}")
        lines += [f"{name}: {value}" for name, value in given]
        if not names & {"content-length", "transfer-encoding"} and (body or method == "POST"):
            lines.append(f"Content-Length: {len(body)}")
        if "connection" not in names:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("utf-8") + body

    # Who asks

    def stranger(self) -> Browser:
        """A browser in which nobody is signed in."""
        return Browser(self)

    def signed_in(self) -> Browser:
        """A new browser in which the test account has signed in; raises `NotRun`."""
        if self.account is None:
            cannot("needs a test account (--account)")
        browser = Browser(self)
        answer = browser.sign_in(self.account.username, self.account.password)
        if answer.status != 200:
            cannot(f"the test account could not sign in: {answer.status} {answer.code}".rstrip())
        self._browsers.append(browser)
        return browser

    @property
    def person(self) -> Browser:
        """A browser in which the test account is signed in, shared by attacks that leave it so."""
        if self._person is None or self._person.ask("GET", "/api/v1/session").status != 200:
            self._person = self.signed_in()
        return self._person

    def close(self) -> None:
        """Sign the test account out wherever an attack left it signed in."""
        for browser in self._browsers:
            browser.sign_out()


def _is_throttled(answer: Answer) -> bool:
    return answer.status == 429 or (answer.status == 503 and answer.code == "busy")


def _pause_of(answer: Answer) -> float:
    given = answer.header("retry-after")
    return min(float(given), 3600.0) + 0.1 if given.isascii() and given.isdigit() else 5.0


def new_id() -> str:
    """The id of a message that was never sent."""
    return secrets.token_hex(12)


def as_json(value: Any) -> bytes:
    """`value` as a body."""
    return dumps(value).encode()

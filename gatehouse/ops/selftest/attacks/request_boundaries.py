"""Requests whose length can be read in two ways, to hide one request in another (smuggling)."""

from __future__ import annotations

import time

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable, read

HIDDEN = "/smuggled-by-the-selftest"
WAIT = 3.0  # seconds for an answer that should not come


def attempt(trial: Trial) -> None:
    host = trial.site.target.netloc
    hidden = f"GET {HIDDEN} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    size = len(hidden)
    shapes = {
        "with a length and chunks": f"Content-Length: {size + 5}\r\nTransfer-Encoding: chunked"
        f"\r\n\r\n0\r\n\r\n{hidden}",
        "with two lengths": f"Content-Length: 0\r\nContent-Length: {size}\r\n\r\n{hidden}",
        "with a list of lengths": f"Content-Length: 0, {size}\r\n\r\n{hidden}",
        "with a signed length": f"Content-Length: +{size}\r\n\r\n{hidden}",
        "with a negative length": f"Content-Length: -1\r\n\r\n{hidden}",
        "with a length in another alphabet": f"Content-Length: \u0661\r\n\r\n{hidden}",
        "with a space before the colon": f"Content-Length : {size}\r\n\r\n{hidden}",
        "with an unknown coding": f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}",
        "with chunks twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
        f"0\r\n\r\n{hidden}",
    }
    for what, rest in shapes.items():
        head = (
            f"POST /api/v1/session HTTP/1.1\r\nHost: {host}\r\n"
            f"Origin: {trial.site.target.origin}\r\nContent-Type: application/json\r\n"
        )
        statuses = _answers(trial, (head + rest).encode())
        trial.hold(len(statuses) < 2, f"a request {what} hides another one, which is answered")
        trial.hold(500 not in statuses, f"a request {what} makes the server fail (500)")


def _answers(trial: Trial, sent: bytes) -> list[int]:
    """The statuses that come back on one connection, two at most."""
    statuses: list[int] = []
    trial.site.count()
    try:
        with trial.site.wire().open() as link:
            link.sendall(sent)
            for _ in range(2):
                now = time.monotonic()
                statuses.append(read(link, "POST", now + WAIT, now).status)
    except (Unreachable, OSError):
        pass
    return statuses


ATTACK = Attack(
    id="request-boundaries",
    title="Hide a request in another whose length can be read in two ways (smuggling)",
    stride=("S", "T"),
    asvs=("V4.2.1",),
    severity="high",
    expects="Refused or closed; the hidden request is not answered.",
    mend="Refuse requests with both lengths, with several, or with malformed ones; close after it.",
    attempt=attempt,
)

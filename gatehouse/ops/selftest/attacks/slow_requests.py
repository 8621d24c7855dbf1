"""Requests that never quite arrive: headers and bodies that drip, each holding a connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.steps import at_once
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable, translated

PATIENCE = 60.0  # seconds after which a request is expected to be over
WAYS = ("the head", "a body", "a body in chunks", "a body that nobody wants")


def attempt(trial: Trial) -> None:
    held = at_once(len(WAYS), lambda number: _held(trial, number))
    for way, seconds in zip(WAYS, held, strict=True):
        trial.hold(
            seconds < PATIENCE, f"{way}, dripping, holds a connection for more than {seconds:.0f} s"
        )
    trial.refused(trial.site.send("GET", "/healthz"), "the site meanwhile", 200)


def _held(trial: Trial, number: int) -> float:
    """For how many seconds the server lets a request drip in; `PATIENCE` for longer."""
    site = trial.site
    way = WAYS[number]
    framing = ("Transfer-Encoding", "chunked") if "chunks" in way else ("Content-Length", "4000")
    browser = trial.stranger()
    door = [(name, str(value)) for name, value in browser.at_the_door().items()]
    head = [*browser.headers("POST", has_body=True), *door, framing]
    path = "/nothing-is-here" if "nobody" in way else "/api/v1/session"
    begun = site.bytes_of("POST", path, [*head, ("Connection", "keep-alive")])
    sent = begun[:-4] if "head" in way else begun
    drip = b"\r\nX-A: b" if "head" in way else b"1\r\na\r\n" if "chunks" in way else b"a"
    site.count()
    started = time.monotonic()
    try:
        with site.wire().open() as link, translated():
            link.sendall(sent)
            for _ in _seconds(PATIENCE):
                link.settimeout(1.0)
                try:
                    if not link.recv(4096):
                        return time.monotonic() - started
                except TimeoutError:
                    link.sendall(drip)
    except Unreachable:
        return time.monotonic() - started
    return PATIENCE


def _seconds(number: float) -> Iterator[None]:
    until = time.monotonic() + number
    while time.monotonic() < until:
        yield


ATTACK = Attack(
    id="slow-requests",
    title="Let headers and bodies drip in, one byte a second",
    stride=("D",),
    asvs=("V15.2.2",),
    severity="medium",
    expects=f"Each is ended within {PATIENCE:.0f} s (408, or closed).",
    mend="Bound the time for a whole request, here and in a proxy in front.",
    attempt=attempt,
    order=10,
)

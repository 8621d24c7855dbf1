"""A flood of strangers against signed-in people: what one of them still waits for an answer.

Strangers send twenty times as many requests as the signed-in person, from a process of their own, for
a few seconds on loopback. The ratio is the person's median time in the flood to the same person's
median time alone, in one run.
"""

from __future__ import annotations

import http.client
import multiprocessing
import ssl
import statistics
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Self

from bench.report import Report
from tests.e2e.deployment import Deployment

REQUESTS = 60
TIMES_AS_MANY = 20
STRANGERS = 8  # connections


def measure(report: Report) -> None:
    """Alone, then with the flood; both without a model in the way and with a whole message."""
    with tempfile.TemporaryDirectory() as scratch, _served(Path(scratch)) as deployment:
        chat = deployment.person("employee").sign_in()
        for work, ask in {
            "a signed-in person asks for the history": lambda: chat.http.get("/api/v1/history"),
            "a signed-in person sends a message": lambda: chat.say("hello"),
        }.items():
            alone = _median(ask)
            with _Flood(deployment.port, alone) as flood:
                among = _median(ask)
            report.note(f"{work}, alone", alone * 1000, unit="ms")
            report.note(f"{work}, in the flood", among * 1000, unit="ms")
            report.note(
                "strangers' requests per request of the person", flood.sent / REQUESTS, unit="times"
            )
            report.at_most(f"{work}: flood ÷ alone", among / alone, 3.0, unit="times")


def _served(scratch: Path) -> Deployment:
    deployment = Deployment(scratch / "home", GATEHOUSE_LIMITS_MESSAGES_PER_MINUTE="10000")
    made = deployment.command("init", "--demo")
    if made.returncode:
        raise RuntimeError(made.stderr)
    return deployment.start("--demo")


def _median(ask: object) -> float:
    assert callable(ask)
    times = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
        time.sleep(0.02)
    return statistics.median(times)


class _Flood:
    """Strangers who ask for the session, as many times as told, until the block ends."""

    def __init__(self, port: int, pause_of_person: float) -> None:
        self._stop = multiprocessing.Event()
        self._sent = multiprocessing.Value("L", 0)
        each = (pause_of_person + 0.02) * STRANGERS / TIMES_AS_MANY
        self._process = multiprocessing.Process(
            target=_strangers, args=(port, each, self._stop, self._sent)
        )

    @property
    def sent(self) -> int:
        return int(self._sent.value)

    def __enter__(self) -> Self:
        self._process.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join(20)
        if self._process.is_alive():
            self._process.terminate()


def _strangers(port: int, pause: float, stop: Event, sent: object) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connections = [
        http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
        for _ in range(STRANGERS)
    ]
    until = time.monotonic() + 60
    while not stop.is_set() and time.monotonic() < until:
        for connection in connections:
            begun = time.monotonic()
            try:
                connection.request("GET", "/api/v1/session")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
            with sent.get_lock():  # type: ignore[attr-defined]
                sent.value += 1  # type: ignore[attr-defined]
            time.sleep(max(0.0, pause / STRANGERS - (time.monotonic() - begun)))

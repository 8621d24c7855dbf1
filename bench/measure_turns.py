"""Time per message along one conversation, through each server's own front door.

Gatehouse answers over HTTPS with everything on: session, rules, audit, encryption. The peer answers
over plain HTTP. Both are asked the same, in blocks that take turns: small talk and two questions that run a
custom action. The peer's long conversations are made longer in its database, by repeating those turns,
because answering 500 messages there takes minutes.

What is to be reached at turns 200 and 300 was set against a peer that took three times as long there. What both
servers have to do, understanding the message and predicting, is now about 5 % of the peer's time at
turn 200 and 3.5 % at turn 300, so those two are out of reach on a quiet machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.plain_rasa import PlainRasa
from bench.processes import resident_megabytes
from bench.report import Report
from tests.e2e.deployment import Chat, Deployment

STOPS = (10, 50, 100, 200, 300, 500)
REACH = {10: 0.8, 200: 0.05, 300: 0.03}
TIMES = 15
SLOW_TIMES = 9
BLOCKS = 3
GREETING = "hello"
BALANCE = "how many days of leave do I have left"
PAY_DAY = "when is the next pay day"
FILL = (GREETING, BALANCE, PAY_DAY, "thank you")


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        peer = PlainRasa(Path(name) / "peer")
        with _deployment(Path(name) / "ours") as deployment:
            began = time.monotonic()
            deployment.start("--demo")
            ready = time.monotonic() - began
            chat = deployment.person("employee").sign_in()
            chat.say(GREETING)
            with peer:
                _along(report, chat, peer)
                process = deployment._process
                assert process is not None
                memory = resident_megabytes(process.pid)
                report.at_most("resident memory of the serving process", memory, 300, unit="MB")
                report.note(
                    "… of plain Rasa, without its action server", peer.megabytes(), unit="MB"
                )
                report.at_most("start of the server until it can answer", ready, 8, unit="s")
                report.note("… of plain Rasa until its first answer", peer.started_in, unit="s")


def _deployment(home: Path) -> Deployment:
    deployment = Deployment(home, GATEHOUSE_LIMITS_MESSAGES_PER_MINUTE="10000")
    made = deployment.command("init", "--demo")
    if made.returncode:
        raise RuntimeError(made.stderr)
    return deployment


def _along(report: Report, chat: Chat, peer: PlainRasa) -> None:
    said = 1
    medians: dict[int, float] = {}
    for stop in STOPS:
        times = TIMES if stop <= 50 else SLOW_TIMES
        while said < stop - times // 2:
            chat.say(FILL[said % len(FILL)])
            if stop == STOPS[0]:
                peer.say("one", FILL[said % len(FILL)])
            said += 1
        if stop != STOPS[0]:
            peer.lengthen("one", stop - times // 2, len(FILL))
        ours, theirs = _both(lambda: chat.say(GREETING), lambda: peer.say("one", GREETING), times)
        said += times
        medians[stop] = ours
        report.compare(f"a message at turn {stop}", ours, theirs, reach=REACH.get(stop))
        if stop == STOPS[0]:
            ours, theirs = _both(lambda: chat.say(BALANCE), lambda: peer.say("one", BALANCE), TIMES)
            said += TIMES
            report.compare("a message that runs a custom action", ours, theirs, reach=0.35)
    growth = medians[STOPS[-1]] / medians[STOPS[0]]
    report.at_most("growth from turn 10 to turn 500", growth, 1.15, unit="x")


def _both(
    ours: Callable[[], object], theirs: Callable[[], object], times: int
) -> tuple[float, float]:
    """The medians in milliseconds, in blocks that take turns.

    Not message by message: a long turn of the peer would leave cold caches to a short one of ours.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for block in range(BLOCKS):
        for say, found in zip((ours, theirs), taken, strict=True):
            for _ in range(times * (block + 1) // BLOCKS - times * block // BLOCKS):
                began = time.perf_counter()
                say()
                found.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken[0]), statistics.median(taken[1])

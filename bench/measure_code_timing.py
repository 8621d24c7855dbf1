"""Whether the time of an answer tells why a code was refused.

A code that is wrong, used, not looked at, or for somebody without an authenticator: 1 000 answers of
each, in turns. The medians must lie closer together than half of the middle of the samples is wide.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyotp
import sqlalchemy as sa

from bench.report import Report
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.migrations import upgrade
from gatehouse.settings import StepUp as StepUpSettings
from gatehouse.stepup import ChallengeRefused, Resume, StepUp, Totp
from gatehouse.stepup.schema import code_throttle, wrong_codes

SAMPLES = 1000
KEY = bytes(range(32))
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        times = _times(Path(name))
    medians = {kind: statistics.median(found) * 1e6 for kind, found in times.items()}
    quartiles = [statistics.quantiles(found, n=4) for found in times.values()]
    noise = max(q[2] - q[0] for q in quartiles) * 1e6
    for kind, median in medians.items():
        report.note(f"refused code, {kind}: median of {SAMPLES}", median, unit="µs")
    report.at_most(
        "refused codes: distance between the medians, in halves of the noise",
        2 * (max(medians.values()) - min(medians.values())) / noise,
        1.0,
        unit="",
    )


def _times(directory: Path) -> dict[str, list[float]]:
    clock = SettableClock()
    engine = open_engine(f"sqlite:///{directory / 'gatehouse.db'}")
    upgrade(engine)
    totp = Totp(engine, clock, KEY)
    for person in ("p-wrong", "p-used", "p-throttled"):
        totp.set_demo_secret(person, SEED)
    step_up = StepUp(engine, clock, StepUpSettings(300, 10, 1), KEY, totp)
    used = pyotp.TOTP(SEED).at(int(clock.now()))
    totp.verify("p-used", used)
    wrong = f"{(int(used) + 111_111) % 10**6:06d}"
    kinds = {"wrong": ("p-wrong", wrong), "used": ("p-used", used),
             "not looked at": ("p-throttled", wrong), "no authenticator": ("p-none", wrong)}  # fmt: skip
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(SAMPLES):
        for kind, (person, code) in kinds.items():
            _set_standing(engine, blocked=kind == "not looked at", until=clock.now() + 60)
            times[kind].append(_timed(_question(step_up, person, code)))
    engine.dispose()
    return times


def _set_standing(engine: sa.engine.Engine, *, blocked: bool, until: float) -> None:
    with engine.begin() as connection:
        standing = {"failures": 10 if blocked else 0, "blocked_until": until if blocked else 0.0}
        connection.execute(code_throttle.update().values(**standing))
        connection.execute(wrong_codes.update().values(wrong=0))


def _question(step_up: StepUp, person: str, code: str) -> Callable[[], None]:
    challenge = step_up.request(
        person_id=person, session_id="s" * 32, conversation_id=f"c-{person}", intent="view_payslip",
        values={}, prompt="show your payslip", resume=Resume("intent", "view_payslip"),
    )  # fmt: skip

    def answer() -> None:
        try:
            step_up.answer(challenge.id, "s" * 32, f"c-{person}", code)
        except ChallengeRefused:
            return
        raise AssertionError("a code was accepted")

    return answer


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin

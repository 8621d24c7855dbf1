"""Event streams that stay open cost memory, so one session may hold few."""

from __future__ import annotations

import time
from contextlib import ExitStack

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import TIMEOUT, read

MOST = 16


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    sent = trial.site.bytes_of("GET", "/api/v1/events", browser.headers("GET"))
    statuses: list[int] = []
    with ExitStack() as stack:
        for _ in range(MOST):
            trial.site.count()
            link = stack.enter_context(trial.site.wire().open())
            link.sendall(sent)
            now = time.monotonic()
            statuses.append(read(link, "GET", now + TIMEOUT, now, head_only=True).status)
            if statuses[-1] != 200:
                break
    trial.hold(statuses[0] == 200, f"the first event stream is answered {statuses[0]}")
    trial.hold(statuses[-1] in (429, 503), f"one session holds {MOST} event streams open")


ATTACK = Attack(
    id="stream-limit",
    title="Hold many event streams of one session open",
    stride=("D",),
    asvs=("V2.4.1", "V15.2.2"),
    severity="low",
    expects=f"Fewer than {MOST}; then 429.",
    mend="Bound the open streams of a session.",
    attempt=attempt,
    needs="account",
)

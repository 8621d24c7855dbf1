"""Addresses and headers that are far longer, or far more, than any browser sends."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable

LONG = 100_000


def attempt(trial: Trial) -> None:
    site = trial.site
    many = [(f"X-{number}", "x") for number in range(5000)]
    requests = {
        "an address of 100 kB": site.bytes_of("GET", "/chat?" + "a" * LONG),
        "a header of 100 kB": site.bytes_of("GET", "/chat", [("X-Long", "a" * LONG)]),
        "a cookie of 100 kB": site.bytes_of("GET", "/chat", [("Cookie", "a=" + "a" * LONG)]),
        "5000 headers": site.bytes_of("GET", "/chat", many),
    }
    for what, sent in requests.items():
        try:
            status = site.raw(sent).status
        except Unreachable:
            status = 0  # closed, which is a refusal as well
        trial.hold(status == 0 or 400 <= status < 500, f"{what}: answered {status}")
    trial.refused(site.send("GET", "/healthz"), "the site after that", 200)


ATTACK = Attack(
    id="large-heads",
    title="Send addresses, headers and cookies of 100 kB, and thousands of headers",
    stride=("D",),
    asvs=("V15.2.2",),
    severity="low",
    expects="Refused (4xx) or closed.",
    mend="Bound the size of a request's head.",
    attempt=attempt,
)

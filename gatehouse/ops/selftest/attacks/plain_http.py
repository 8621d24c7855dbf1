"""The same service without TLS, on its own port and, where there is one, on port 80."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Unreachable


def attempt(trial: Trial) -> None:
    site = trial.site
    ports = [site.target.port] + ([80] if site.target.port == 443 else [])
    for port in ports:
        for path in ("/chat", "/api/v1/session"):
            site.count()
            try:
                answer = site.wire(tls=False, port=port).exchange(site.bytes_of("GET", path))
            except Unreachable:
                trial.hold(True, "")
                continue
            leads = answer.header("location").startswith("https://")
            trial.hold(
                answer.status in (400, 403, 404, 421, 426)
                or (300 <= answer.status < 400 and leads),
                f"plain HTTP on port {port}, {path}: answered {answer.status}",
            )
            trial.hold(not answer.all("set-cookie"), f"plain HTTP on port {port} sets cookies")


ATTACK = Attack(
    id="plain-http",
    title="Speak HTTP without TLS",
    stride=("I", "T"),
    asvs=("V12.2.1", "V4.1.2"),
    severity="high",
    expects="Nothing is served: refused, closed, or led to https.",
    mend="Serve https only; a proxy must not forward what came without TLS.",
    attempt=attempt,
)

"""The shared limits: whether their Redis answers, and whether the way to it is encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from limits.storage import storage_from_string

from gatehouse.ops.doctor.finding import Finding, bad, good
from gatehouse.ops.doctor.subject import ANSWER, Subject

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def look(subject: Subject) -> Iterator[Finding]:
    url = subject.settings.limits_url()
    if not url:
        yield good("limits.local", "limits are counted by this process alone")
        return
    parts = urlsplit(url)
    if parts.scheme == "redis" and parts.hostname not in _LOOPBACK:
        mend = "write limits.store as rediss://…"
        yield bad("limits.no_tls", "the way to the Redis of limits.store is not encrypted", mend)
    storage = storage_from_string(url, socket_timeout=ANSWER, socket_connect_timeout=ANSWER)
    if storage.check():
        yield good("limits.answers", "the Redis of limits.store answers")
    else:
        host = f"redis-cli -h {parts.hostname} -p {parts.port or 6379} ping"
        what = "the Redis of limits.store does not answer; each process counts for itself"
        yield bad("limits.away", what, host)

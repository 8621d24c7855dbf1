"""The numbers that a process counts about itself, by name, in one place.

Every room adds to them with one line; only this module knows the library that keeps them and only
the channel shows them. A label takes one of a few values that are named here or declared at import;
any other is counted as `other`. So no number ever names a person or a conversation, and nobody
outside can make the list of series grow.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

OTHER = "other"
FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# A second series for each, which nobody asks for.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = prometheus.CollectorRegistry()


class _Metric:
    """A metric of the library with its labels and the values that each may have."""

    def __init__(self, inner: Any, labels: Mapping[str, Iterable[str]]) -> None:
        self._inner = inner
        self._known = {label: {*values, OTHER} for label, values in labels.items()}
        # A series that appears only with its first event hides that event from `increase`.
        for values in itertools.product(*self._known.values()) if labels else ():
            inner.labels(*values)

    def expect(self, values: Iterable[str]) -> None:
        """Tell further values of the only label apart, from 0 on."""
        (known,) = self._known.values()
        for value in values:
            known.add(value)
            self._inner.labels(value)

    def _series(self, given: Mapping[str, str]) -> Any:
        if given.keys() != self._known.keys():
            raise ValueError(f"the labels of this metric are {sorted(self._known)}")
        if not given:
            return self._inner
        known = self._known.items()
        return self._inner.labels(*(given[n] if given[n] in v else OTHER for n, v in known))


class Counter(_Metric):
    """A number that only grows; `labels` are their names with the values that are told apart."""

    def __init__(self, name: str, meaning: str, **labels: Iterable[str]) -> None:
        super().__init__(
            prometheus.Counter(name, meaning, list(labels), registry=_registry), labels
        )

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count `amount` more."""
        self._series(labels).inc(amount)


class Histogram(_Metric):
    """How long something took, in seconds, counted in `buckets`."""

    def __init__(
        self, name: str, meaning: str, buckets: tuple[float, ...], **labels: Iterable[str]
    ) -> None:
        super().__init__(
            prometheus.Histogram(name, meaning, list(labels), registry=_registry, buckets=buckets),
            labels,
        )

    def observe(self, seconds: float, **labels: str) -> None:
        """Count one that took `seconds`."""
        self._series(labels).observe(seconds)

    @contextmanager
    def measure(self, **labels: str) -> Iterator[None]:
        """Count how long the block takes, also when it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - started, **labels)


Reading = tuple[str, str, float, Mapping[str, str]]
"""A number that is looked up when it is asked for: name, meaning, value, labels."""


class _Readings(Collector):
    """Asks whoever registered for the numbers that are states and not events."""

    def __init__(self) -> None:
        self.readers: list[Callable[[], Iterable[Reading]]] = []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for reader in self.readers:
            for name, meaning, value, labels in reader():
                family = families.setdefault(
                    name, GaugeMetricFamily(name, meaning, labels=list(labels))
                )
                family.add_metric(list(labels.values()), value)
        yield from families.values()


_readings = _Readings()
_registry.register(_readings)


@contextmanager
def reading(reader: Callable[[], Iterable[Reading]]) -> Iterator[None]:
    """Ask `reader` for its numbers at every look while the block runs; it must not raise."""
    _readings.readers.append(reader)
    try:
        yield
    finally:
        _readings.readers.remove(reader)


def exposition() -> tuple[bytes, str]:
    """Every number in the text format of Prometheus, and the content type that it has."""
    return prometheus.generate_latest(_registry), prometheus.CONTENT_TYPE_PLAIN_0_0_4


def value(name: str, **labels: str) -> float:
    """The present value of a series, 0 when there is none; for tests and the self-test."""
    return _registry.get_sample_value(name, labels) or 0.0


prometheus.ProcessCollector(registry=_registry)

# What happened, as the audit log has it.

AUDIT_ENTRIES = Counter(
    "gatehouse_audit_entries", "Entries that are durable in the audit log.", kind=()
)
AUDIT_FAILURES = Counter(
    "gatehouse_audit_failures", "Entries that could not be written; what they were for was refused."
)
AUDIT_APPEND = Histogram(
    "gatehouse_audit_append_seconds", "Time until an audit entry was durable.", FAST
)
DECISIONS = Counter(
    "gatehouse_decisions",
    "Decisions of the policy by effect; `stage` says whether on the intent or on the record.",
    effect=("allow", "deny", "step_up"),
    stage=("intent", "resource"),
)
STEP_UPS = Counter(
    "gatehouse_step_ups",
    "Second factors by what became of them.",
    outcome=("requested", "sent", "passed", "failed", "refused", "cancelled", "redeemed"),
)
SIGN_INS = Counter(
    "gatehouse_sign_ins",
    "Attempts to sign in by what became of them.",
    outcome=("accepted", "credentials", "throttled", "locked", "new_password", "initial_password"),
)
FACTOR_ALARMS = Counter(
    "gatehouse_factor_alarms",
    "Second factors that somebody has to look at.",
    what=("passkey_copied",),
)
THROTTLED = Counter(
    "gatehouse_throttled",
    "Requests refused because there were too many, by what was counted.",
    what=(
        "messages",
        "requests",
        "strangers",
        "sign_ins",
        "sign_in_failures",
        "codes",
        "token",
        "webhooks",
        "arriving",
        "shed",
    ),
)
POLICY_EDITS = Counter(
    "gatehouse_policy_edits", "Policy files that were offered.", outcome=("loaded", "rejected")
)
BACKUPS = Counter(
    "gatehouse_backups",
    "Backups that this process made, tried in a drill, or failed to.",
    outcome=("made", "failed", "drilled", "drill_failed"),
)

# What went wrong.

FAILURES = Counter(
    "gatehouse_failures",
    "Unexpected failures by the part that refused to go on.",
    part=("turn", "action", "request", "housekeeping", "backup"),
)
LOG_RECORDS = Counter(
    "gatehouse_log_records",
    "Lines of the application log.",
    level=("debug", "info", "warning", "error", "critical"),
)

# How long things take.

REQUESTS = Counter(
    "gatehouse_http_requests", "Answered requests by class of status.", status=("2", "3", "4", "5")
)
REQUESTS_REFUSED = Counter(
    "gatehouse_http_requests_refused",
    "Requests that the door refused, by why.",
    reason=("https_required", "host", "origin", "csrf", "token", "ticket"),
)
REQUEST_SECONDS = Histogram(
    "gatehouse_http_request_seconds", "Time to answer a request.", SLOW, endpoint=()
)
TURN_SECONDS = Histogram(
    "gatehouse_turn_seconds", "Time from a message's turn to its reply, waiting not counted.", SLOW
)
LOOP_LAG = Histogram(
    "gatehouse_event_loop_lag_seconds", "How late the event loop came back to its work.", FAST
)

_OF_STEP_UP = "step_up_"
_SIMPLE: dict[str, Callable[[], None]] = {
    "sign_in": lambda: SIGN_INS.add(outcome="accepted"),
    "policy_loaded": lambda: POLICY_EDITS.add(outcome="loaded"),
    "policy_rejected": lambda: POLICY_EDITS.add(outcome="rejected"),
}


def recorded(kind: str, facts: Mapping[str, object]) -> None:
    """Count an audit entry that is durable; the one line that the audit log has to call."""
    AUDIT_ENTRIES.add(kind=kind)
    reason = str(facts.get("reason"))
    if kind == "decision":
        DECISIONS.add(effect=str(facts.get("effect")), stage=str(facts.get("stage")))
    elif kind == "sign_in_refused":
        SIGN_INS.add(outcome=reason)
        if reason in ("throttled", "locked"):
            THROTTLED.add(what="sign_in_failures")
    elif kind.startswith(_OF_STEP_UP):
        STEP_UPS.add(outcome=kind.removeprefix(_OF_STEP_UP))
        if reason in ("throttled", "locked"):
            THROTTLED.add(what="codes")
        elif reason == "cloned":
            FACTOR_ALARMS.add(what="passkey_copied")
    elif kind in _SIMPLE:
        _SIMPLE[kind]()

"""The policies in force, reloaded while the service runs.

A directory takes effect as a whole or not at all: it is read, checked and tested, then one
reference changes, so a decision never sees a mixture and never waits. A broken directory leaves the
last good policies in force, also after a restart. This module must never start without policies
and never put a set in force that was not reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError, Unavailable
from gatehouse.logs import get_logger, place_of
from gatehouse.policy.domain import Domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Problem, Problems
from gatehouse.policy.lastgood import LastGood
from gatehouse.policy.loader import DEFAULT_ZONE, build
from gatehouse.policy.sources import Fingerprint, Sources, fingerprint, read_directory

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at the directory led to.

    `revision` is the one in force afterwards, `offered` that of the files, `previous` the one in
    force before (None at the start), `at` seconds since the epoch. `problems` are the mistakes of
    rejected files, or the warnings of accepted ones. `restored` means that the files are broken and
    the last good policies of an earlier run are in force.
    """

    accepted: bool
    revision: str
    offered: str
    previous: str | None
    at: float
    problems: tuple[Problem, ...] = ()
    restored: bool = False


class Watch:
    """A thread that follows the policy directory; also a context manager that stops it."""

    def __init__(self, look: Callable[[float, threading.Event], None], interval: float) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=look, args=(interval, self._stop), name="policy-watch", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the directory is followed."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and wait for it; harmless when it has ended."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class PolicyStore:
    """Holds the policies of `directory`.

    `key` authenticates what is kept in `state_dir`: 32 bytes or more. `on_change` is called before
    a set is put in force; when it raises, the set is not put in force and is offered again. Raises
    `PolicyInvalid` when the files are broken and there are no last good policies.
    """

    def __init__(
        self,
        directory: Path,
        domain: Domain,
        clock: Clock,
        state_dir: Path,
        key: bytes,
        on_change: Callable[[Change], None] = lambda change: None,
        *,
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self._directory = directory
        self._domain = domain
        self._zone = zone
        self._clock = clock
        self._on_change = on_change
        self._last_good = LastGood(state_dir, key)
        self._lock = threading.Lock()
        self._unsaved: Sources | None = None
        self._seen: Fingerprint | None = None
        self._last_look: Fingerprint | None = None
        self._rejected = ""
        self._current = self._start()

    def retention_of(self, intent: str) -> int | None:
        """As `PolicySet.retention_of`, by the policies in force."""
        return self._current.retention_of(intent)

    def current(self) -> PolicySet:
        """The policies in force; keep the reference for the whole of one decision."""
        return self._current

    def reload_if_changed(self) -> bool:
        """Look at the directory; True when other policies are in force afterwards.

        Cheap when nothing changed. Never blocks `current`. Raises what `on_change` raises.
        """
        with self._lock:
            self._save_again()
            now = fingerprint(self._directory)
            if now == self._seen:
                return False
            changed = self._offer()
            self._seen = now
            return changed

    def poll(self) -> bool:
        """`reload_if_changed`, once two looks in a row agree; for a caller that looks regularly.

        A file that an editor is still writing may be valid without its last rules.
        """
        now = fingerprint(self._directory)
        settled, self._last_look = now == self._last_look, now
        return settled and self.reload_if_changed()

    def watch(self, interval: float = 0.5) -> Watch:
        """Start a thread that polls every `interval` seconds, until `Watch.stop`.

        A change is in force within two intervals and the time of loading.
        """
        return Watch(self._watch, interval)

    def _watch(self, interval: float, stop: threading.Event) -> None:
        while not stop.wait(interval):
            try:
                self.poll()
            except Exception as error:  # noqa: BLE001 - outlives any callback
                log.error("policies not reloaded", error=place_of(error))

    def _start(self) -> PolicySet:
        self._seen = fingerprint(self._directory)
        sources, problems = self._read()
        try:
            policies = build(sources, self._domain, self._zone, problems)
        except PolicyInvalid as invalid:
            return self._restore(sources, invalid)
        self._report(policies.revision, sources, None, policies.warnings)
        self._save(sources)
        return policies

    def _restore(self, offered: Sources, invalid: PolicyInvalid) -> PolicySet:
        """The last good policies, or the mistakes of the files when there are none."""
        try:
            kept = self._last_good.load()
        except IntegrityError as error:
            raise PolicyInvalid(invalid.problems, error.message) from error
        if kept is None:
            raise invalid
        try:
            policies = build(kept, self._domain, self._zone)
        except PolicyInvalid:
            raise invalid from None
        self._rejected = offered.revision
        self._on_change(
            Change(
                False,
                policies.revision,
                offered.revision,
                None,
                self._clock.now(),
                invalid.problems,
                True,
            )
        )
        return policies

    def _offer(self) -> bool:
        """Load the files; put them in force or report why not."""
        sources, problems = self._read()
        before = self._current.revision
        try:
            policies = build(sources, self._domain, self._zone, problems)
        except PolicyInvalid as invalid:
            if sources.revision != self._rejected:
                self._reject(sources.revision, invalid.problems)
            return False
        self._rejected = ""
        if policies.revision == before:
            return False
        self._report(policies.revision, sources, before, policies.warnings)
        self._current = policies
        self._save(sources)
        return True

    def _read(self) -> tuple[Sources, Problems]:
        problems = Problems()
        return read_directory(self._directory, problems), problems

    def _report(
        self,
        revision: str,
        sources: Sources,
        previous: str | None,
        warnings: tuple[Problem, ...],
    ) -> None:
        self._on_change(
            Change(True, revision, sources.revision, previous, self._clock.now(), warnings)
        )

    def _reject(self, offered: str, problems: tuple[Problem, ...]) -> None:
        current = self._current.revision
        self._on_change(Change(False, current, offered, current, self._clock.now(), problems))
        self._rejected = offered

    def _save(self, sources: Sources) -> None:
        """Keep the set in force. A block must not wait for a full disk, so this may come later."""
        try:
            self._last_good.save(sources)
            self._unsaved = None
        except Unavailable as error:
            log.error("the policies in force could not be kept", error=place_of(error))
            self._unsaved = sources

    def _save_again(self) -> None:
        if self._unsaved is not None:
            self._save(self._unsaved)

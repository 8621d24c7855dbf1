"""The policies in force, reloaded while the service runs.

A directory takes effect as a whole or not at all: it is read, checked and tested, then one
reference changes, so a decision never sees a mixture and never waits. A broken directory leaves the
last good policies in force, also after a restart, and so does an edit that waits for a second
person. This module must never start without policies and never put a set in force that was not
reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError, NotReady, Unavailable
from gatehouse.logs import get_logger
from gatehouse.policy.change import Change, PolicyStatus
from gatehouse.policy.domain import Domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Problem, Problems
from gatehouse.policy.four_eyes import Approvals, InForce, Ruling, rule_on
from gatehouse.policy.guards import lost
from gatehouse.policy.lastgood import Kept, LastGood
from gatehouse.policy.loader import DEFAULT_ZONE, build
from gatehouse.policy.sources import Fingerprint, Sources, fingerprint, read_directory

log = get_logger(__name__)

_FREE = Ruling("same", True)
_UNKNOWN = "the policies that were in force cannot be established"


class PolicyStore:
    """Holds the policies of `directory`.

    `key` authenticates what is kept in `state_dir`: 32 bytes or more. `on_change` is called before
    a set is put in force; when it raises, the set is not put in force and is offered again. With
    `approvals` an edit that opens something waits for a second person. With `keeps` false nothing is
    written: for a process that decides nothing. Raises `PolicyInvalid` when the files are broken
    and there are no last good policies.
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
        approvals: Approvals | None = None,
        keeps: bool = True,
    ) -> None:
        self._directory = directory
        self._domain = domain
        self._zone = zone
        self._clock = clock
        self._on_change = on_change
        self._last_good = LastGood(state_dir, key)
        self._approvals = approvals
        self._keeps = keeps
        self._lock = threading.Lock()
        self._base: InForce | None = None
        self._unsaved: Sources | None = None
        self._seen: Fingerprint | None = None
        self._last_look: Fingerprint | None = None
        self._rejected = ""
        self._waiting = ""
        self._refused_at: float | None = None
        self._pending_at: float | None = None
        self._since = clock.now()
        self._current = self._start()

    def retention_of(self, intent: str) -> int | None:
        """As `PolicySet.retention_of`, by the policies in force."""
        return self._current.retention_of(intent)

    def current(self) -> PolicySet:
        """The policies in force; keep the reference for the whole of one decision."""
        return self._current

    def status(self) -> PolicyStatus:
        """How the policies stand; never blocks."""
        revision = self._current.revision
        return PolicyStatus(revision, self._since, self._refused_at, self._pending_at)

    @property
    def waiting(self) -> str:
        """The revision that waits for a second person, empty when none does."""
        return self._waiting

    def reload_if_changed(self) -> bool:
        """Look at the directory; True when other policies are in force afterwards.

        Cheap when nothing changed. Never blocks `current`. Raises what `on_change` raises.
        """
        with self._lock:
            if self._unsaved is not None:
                self._save(self._unsaved)
            now = fingerprint(self._directory)
            if now == self._seen and not self._was_approved():
                return False
            changed = self._offer()
            self._seen = now
            return changed

    def poll(self) -> bool:
        """`reload_if_changed`, once two looks in a row agree; for a caller that looks regularly.

        A file that an editor is still writing may be valid without its last rules. A change is in
        force within two looks and the time of loading.
        """
        now = fingerprint(self._directory)
        settled, self._last_look = now == self._last_look, now
        return settled and self.reload_if_changed()

    def _start(self) -> PolicySet:
        self._seen = fingerprint(self._directory)
        sources, problems = self._read()
        policies, invalid = self._built(sources, problems)
        if policies is not None and self._approvals is None:
            return self._begin(policies, sources, _FREE)
        if policies is not None and self._approvals is not None:
            self._base = self._approvals.in_force()
            if self._base is not None and self._base.revision == policies.revision:
                return self._begin(policies, sources, _FREE)
        earlier = self._earlier(invalid)
        if policies is None:
            if earlier is None:
                raise invalid or NotReady(_UNKNOWN)
            self._rejected = sources.revision
            self._tell(False, earlier, sources, None, invalid.problems if invalid else ())
            return earlier
        assert self._approvals is not None
        ruling = rule_on(earlier, self._base, policies, self._approvals, self._clock.now())
        if ruling.accepted:
            return self._begin(policies, sources, ruling)
        self._wait(policies, sources, ruling, earlier, None)
        if earlier is None:
            raise NotReady(
                f"the policies wait for a second person: revision {policies.revision}",
                "`gatehouse policy propose`, then `gatehouse policy approve` by somebody else",
            )
        return earlier

    def _begin(self, policies: PolicySet, sources: Sources, ruling: Ruling) -> PolicySet:
        self._tell(True, policies, sources, None, policies.warnings, ruling)
        self._record(policies)
        self._save(sources)
        return policies

    def _earlier(self, invalid: PolicyInvalid | None) -> PolicySet | None:
        """The last good policies; None when there are none, or they do not fit the assistant.

        Raises `PolicyInvalid` or `IntegrityError` when they are not what was kept.
        """
        try:
            kept = self._last_good.load()
            self._agree(kept)
        except IntegrityError as error:
            if invalid is None:
                raise
            raise PolicyInvalid(invalid.problems, error.message) from error
        if kept is None:
            return None
        return self._built(kept.sources, Problems())[0]

    def _agree(self, kept: Kept | None) -> None:
        """With four eyes, what is kept must be what was recorded last; else an older set, opener
        than the present one, could be put back and followed by an edit that seems to narrow."""
        if self._approvals is None:
            return
        self._base = self._approvals.in_force()
        if self._base is None and kept is not None and kept.serial == 0:
            # Four eyes were switched on: what was in force until now needs no approval.
            self._base = self._approvals.put_in_force(kept.sources.revision, None)
            self._last_good.save(kept.sources, self._base.serial)
        elif kept is None and self._base is None:
            return
        elif (
            kept is None
            or self._base is None
            or (kept.sources.revision, kept.serial) != (self._base.revision, self._base.serial)
        ):
            raise IntegrityError(
                f"{_UNKNOWN}, so nobody can tell what the files change",
                "put back the files of the revision that was in force, or see docs/policy-language.md",
            )

    def _offer(self) -> bool:
        """Load the files; put them in force, let them wait, or report why not."""
        sources, problems = self._read()
        before = self._current
        policies, invalid = self._built(sources, problems)
        if policies is None:
            if sources.revision != self._rejected and invalid is not None:
                self._tell(False, before, sources, before.revision, invalid.problems)
                self._rejected = sources.revision
            return False
        self._rejected = ""
        if policies.revision == before.revision:
            self._waiting, self._refused_at, self._pending_at = "", None, None
            return False
        ruling = self._ruling(before, policies)
        if not ruling.accepted:
            if self._waiting != policies.revision:
                self._wait(policies, sources, ruling, before, before.revision)
            return False
        self._tell(True, policies, sources, before.revision, policies.warnings, ruling, before)
        self._record(policies)
        self._current = policies
        self._waiting = ""
        self._save(sources)
        return True

    def _ruling(self, before: PolicySet, after: PolicySet) -> Ruling:
        if self._approvals is None:
            return _FREE
        now = self._approvals.in_force()
        if self._base is not None and (now is None or now.serial < self._base.serial):
            raise IntegrityError("the record of the policies in force was put back or is gone")
        self._base = now
        if now is not None and now.revision == after.revision:
            return _FREE  # another process has put it in force
        return rule_on(before, self._base, after, self._approvals, self._clock.now())

    def _was_approved(self) -> bool:
        if not self._waiting or self._approvals is None:
            return False
        return self._approvals.approval(self._waiting, self._base) is not None

    def _wait(
        self,
        policies: PolicySet,
        sources: Sources,
        ruling: Ruling,
        current: PolicySet | None,
        previous: str | None,
    ) -> None:
        assert self._approvals is not None
        self._approvals.offer(policies.revision, self._base, ruling.verdict)
        self._tell(False, current, sources, previous, (), ruling)
        self._waiting = policies.revision

    def _record(self, policies: PolicySet) -> None:
        if self._approvals is None:
            return
        if self._base is None or self._base.revision != policies.revision:
            self._base = self._approvals.put_in_force(policies.revision, self._base)

    def _read(self) -> tuple[Sources, Problems]:
        problems = Problems()
        return read_directory(self._directory, problems), problems

    def _built(
        self, sources: Sources, problems: Problems
    ) -> tuple[PolicySet | None, PolicyInvalid | None]:
        try:
            return build(sources, self._domain, self._zone, problems), None
        except PolicyInvalid as invalid:
            return None, invalid

    def _tell(
        self,
        accepted: bool,
        current: PolicySet | None,
        sources: Sources,
        previous: str | None,
        problems: tuple[Problem, ...],
        ruling: Ruling = _FREE,
        before: PolicySet | None = None,
    ) -> None:
        now = self._clock.now()
        self._on_change(
            Change(
                accepted,
                current.revision if current else "",
                sources.revision,
                previous,
                now,
                problems,
                restored=previous is None and not accepted,
                waits="" if ruling.accepted else ruling.verdict,
                approval=ruling.approval,
                unguarded=sum(len(one.questions) for one in lost(before, current))
                if before and current
                else 0,
            )
        )
        if accepted:
            self._since, self._refused_at, self._pending_at = now, None, None
        elif ruling.accepted:
            self._refused_at = now
        else:
            self._refused_at, self._pending_at = None, now

    def _save(self, sources: Sources) -> None:
        """Keep the set in force. A block must not wait for a full disk, so this may come later."""
        if not self._keeps:
            return
        try:
            self._last_good.save(sources, self._base.serial if self._base else 0)
            self._unsaved = None
        except Unavailable:
            log.error("the last good policies cannot be kept; a restart needs valid files")
            self._unsaved = sources

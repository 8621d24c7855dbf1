"""Verifies that the audit log is what was written, in one pass and constant memory.

Three things are recomputed from the entries alone: the chain under the log's key, the tree, and the
roots of every checkpoint that is known, from the database, from witnesses and from whoever kept one.
The chain names the very entry when its writer did not hold the key; the checkpoints show what somebody
rewrote who did. Nothing stored beside the entries is believed.
"""

from __future__ import annotations

import heapq
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gatehouse.audit.chain import GENESIS
from gatehouse.audit.checkpoint import Trust
from gatehouse.audit.errors import AuditTampered, CheckpointInvalid
from gatehouse.audit.log import AuditLog
from gatehouse.audit.tree import Frontier, leaf_hash

_BATCH = 5000
_NOT_WRITTEN = "is not what was written after the entries before it"


@dataclass(frozen=True, slots=True)
class Kept:
    """Checkpoints that `source` kept, as notes in the order in which it got them."""

    source: str
    notes: Iterable[str]
    is_witness: bool = False


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was verified.

    `head` is the last chain value and `root` the root of the tree (hex); `checkpointed` and
    `witnessed` say how many of the entries a checkpoint, and one that a witness holds, vouches for.
    `starts` is the number of the last start of the server under each name of the log.
    """

    entries: int
    head: str
    root: str = ""
    checkpoints: int = 0
    checkpointed: int = 0
    witnessed: int = 0
    starts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """The entries up to `size` have to lead to `root`, as `where` says."""

    size: int
    root: bytes = field(compare=False)
    where: str = field(compare=False)
    witnessed: bool = field(compare=False)


class Marks:
    """The checkpoints of all sources by size, merged while they are read."""

    def __init__(self, sources: Sequence[Kept], trust: Trust | None) -> None:
        streams = [_marks(source, trust) for source in sources] if trust else []
        self._ahead = heapq.merge(*streams)
        self._next = next(self._ahead, None)
        self.count = self.newest = self.witnessed = self._sound = 0

    @property
    def due(self) -> int:
        """The size at which the next mark waits; 0 when there is none."""
        return self._next.size if self._next else 0

    def reach(self, size: int, root: bytes) -> None:
        """Compare the marks at `size` with the tree; raises `AuditTampered`."""
        here: list[Mark] = []
        while self._next is not None and self._next.size == size:
            here.append(self._next)
            self._next = next(self._ahead, None)
        for mark in here:
            if mark.root != here[0].root:
                reason = f"two checkpoints of {size} entries differ: {here[0].where}, {mark.where}"
                raise AuditTampered(size, reason)
            if mark.root != root:
                first = self._sound + 1
                raise AuditTampered(first, _rewritten(first, size, mark.where))
            self.witnessed = size if mark.witnessed else self.witnessed
        self.count += len(here)
        self.newest = self._sound = size

    def end(self, size: int, at_least: int) -> None:
        """Raise `AuditTampered` when more than `size` entries are vouched for."""
        if self._next is not None:
            mark = self._next
            reason = f"is missing; {mark.where} vouches for {mark.size} entries"
            raise AuditTampered(size + 1, reason)
        if size < at_least:
            raise AuditTampered(size + 1, f"is missing; at least {at_least} entries were written")


def _marks(kept: Kept, trust: Trust) -> Iterator[Mark]:
    newest = 0
    for position, note in enumerate(kept.notes, start=1):
        where = f"checkpoint {position} of {kept.source}"
        if trust.is_former(note):
            continue
        try:
            signed = trust.read(note)
        except CheckpointInvalid as error:
            raise AuditTampered(newest + 1, f"{where}: {error.message}") from error
        size = signed.checkpoint.size
        if size < newest:
            reason = f"{where} is an old one put in again: {size} entries after {newest}"
            raise AuditTampered(size + 1, reason)
        newest = size
        yield Mark(size, signed.checkpoint.root, where, kept.is_witness or bool(signed.witnesses))


class Starts:
    """The numbers that starts of the server left under each name of the log; none may be missing."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def see(self, sequence: int, body: bytes) -> None:
        """Take one entry into account; raises `AuditTampered` when starts before it are missing."""
        facts = json.loads(body)
        number, name = facts.get("number"), str(facts.get("log"))
        if not isinstance(number, int):
            return
        last = self.last.get(name, number)
        if number > last + 1:
            raise AuditTampered(
                sequence,
                f"{number - last - 1} start(s) of the server before this one left no entry here: "
                "the log was switched off or elsewhere",
            )
        self.last[name] = max(number, last)


def verify(
    log: AuditLog,
    at_least: int = 0,
    *,
    trust: Trust | None = None,
    kept: Iterable[Kept] = (),
    progress: Callable[[int], object] | None = None,
) -> VerifyReport:
    """Verify the whole log; raises `AuditTampered` at the first entry that shows something.

    `at_least` is a number of entries known from elsewhere. With `trust` the checkpoints in the
    database and those of `kept` are verified and compared with the entries. `progress` is called with
    a number of entries each time that so many were done.
    """
    marks = Marks([Kept("the database", log.checkpoints()), *kept], trust)
    link, frontier, previous, starts = log.chain.link, Frontier(), GENESIS, Starts()
    number, due = 0, marks.due
    for rows in log.rows(batch=_BATCH):
        try:
            for sequence, body, chain, node in rows:
                number += 1
                if sequence != number:
                    raise AuditTampered(number, f"is missing; the next one present is {sequence}")
                previous = link(number, previous, body)
                if not hmac.compare_digest(previous, chain):
                    raise AuditTampered(number, _NOT_WRITTEN)
                if frontier.push(leaf_hash(body)) != node:
                    raise AuditTampered(number, "its place in the tree was altered")
                if b'"kind":"start"' in body:
                    starts.see(number, body)
                if number == due:
                    marks.reach(number, frontier.root())
                    due = marks.due
        except (
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
        ) as error:  # a column holds something else altogether
            raise AuditTampered(number, _NOT_WRITTEN) from error
        if progress is not None:
            progress(len(rows))
    marks.end(number, at_least)
    return VerifyReport(
        number,
        previous.hex(),
        frontier.root().hex(),
        marks.count,
        marks.newest,
        marks.witnessed,
        starts.last,
    )


def _rewritten(first: int, last: int, source: str) -> str:
    """What it means that the chain holds and a checkpoint does not."""
    return f"entries {first} to {last} are not those of {source}: rewritten with the log's own key"

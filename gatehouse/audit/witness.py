"""Witnesses: places outside the database that remember the checkpoints of the log.

Whoever holds database and key can rewrite everything but what a witness has seen. A witness takes a
checkpoint only if it follows from the one it holds; this side checks the same before it asks, and
never overwrites or shortens what a witness holds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from gatehouse.audit.anchor import Anchor
from gatehouse.audit.checkpoint import Signed, Trust
from gatehouse.audit.errors import CheckpointInvalid
from gatehouse.audit.proofs import ProofInvalid, check_consistency
from gatehouse.clock import Clock, as_iso
from gatehouse.errors import IntegrityError, Unavailable

Prove = Callable[[int], list[bytes]]
"""The consistency proof from an earlier size to the checkpoint that is handed over."""


class WitnessUnavailable(Unavailable):
    """The witness does not answer; serving goes on and it is asked again."""


class WitnessRefused(IntegrityError):
    """The witness knows something that the checkpoint contradicts."""


class WitnessAhead(WitnessRefused):
    """The witness holds a checkpoint of `size` entries, more than the one handed over."""

    def __init__(self, size: int, offered: int) -> None:
        super().__init__(f"the witness saw {size} entries, the log has only {offered}")
        self.size = size


class Witness(Protocol):
    """One witness."""

    @property
    def name(self) -> str:
        """What it is called in messages and metrics."""
        ...

    def known(self) -> int:
        """How many entries it is known to vouch for; 0 when that cannot be said without asking it.

        Raises `WitnessUnavailable` or `WitnessRefused`.
        """
        ...

    def submit(self, signed: Signed, prove: Prove) -> str:
        """Hand over a checkpoint; cosignature lines to add to its note, or none.

        Raises `WitnessUnavailable` or `WitnessRefused`.
        """
        ...


class FileWitness:
    """A file that only grows, on another volume or machine: a JSON document with time and note per line.

    Its directory should belong to somebody else, and the file can be made append-only for everybody
    (`chattr +a`); nothing here ever needs more than to add a line. The anchor remembers how many entries
    the file of this path vouched for: one that is gone, as when its volume is not mounted, or that holds
    less, is away and never begun anew, since a new one could be made for a log that was rewritten.
    """

    name = "file"

    def __init__(self, path: Path, trust: Trust, clock: Clock, anchor: Anchor) -> None:
        self.path = path
        self._trust = trust
        self._clock = clock
        self._anchor = anchor
        self._place = f"witness file {path} of {trust.origin}"

    def submit(self, signed: Signed, prove: Prove) -> str:
        vouched = self._anchor.get(self._place)
        with self._open(begin=not vouched) as handle:
            last = self._last(handle)
            self._require(last, vouched)
            if last is None or _follows(last, signed, prove):
                line = json.dumps({"at": as_iso(self._clock.now()), "checkpoint": signed.note})
                _append(handle, line.encode() + b"\n")
            self._anchor.raise_to(self._place, signed.checkpoint.size)
        return ""

    def require_there(self) -> None:
        """Raise `WitnessUnavailable` when the file is gone or holds less than it took."""
        if vouched := self._anchor.get(self._place):
            with self._open(begin=False) as handle:
                self._require(self._last(handle), vouched)

    def known(self) -> int:
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise WitnessUnavailable("the witness file cannot be read") from error
        try:
            last = self._last(handle)
        finally:
            os.close(handle)
        return last.checkpoint.size if last else 0

    def _last(self, handle: int) -> Signed | None:
        lines = _tail(handle).split(b"\n")
        if lines[-1]:
            raise WitnessUnavailable(
                "the last line of the witness file is cut off",
                "a crash or a full disk can do that: look at it and remove that half line",
            )
        if len(lines) < 2:
            return None
        return read_line(lines[-2], self._trust)

    def _require(self, last: Signed | None, vouched: int) -> None:
        holds = last.checkpoint.size if last else 0
        if holds < vouched:
            raise WitnessUnavailable(
                f"the witness file vouches for {holds} entries and took {vouched}",
                "somebody emptied it or put an older one in its place: find out who, and put it back",
            )

    @contextmanager
    def _open(self, *, begin: bool) -> Iterator[int]:
        flags = os.O_APPEND | os.O_RDWR
        try:
            if begin:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                flags |= os.O_CREAT
            handle = os.open(self.path, flags, 0o600)
        except FileNotFoundError as error:
            raise WitnessUnavailable(
                "the witness file is gone",
                "is its volume mounted? put the file back, or name another one in audit.witness_file",
            ) from error
        except OSError as error:
            raise WitnessUnavailable("the witness file cannot be opened") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)


def read_line(line: bytes, trust: Trust) -> Signed:
    """The checkpoint of one line; raises `WitnessRefused`."""
    try:
        return trust.read(str(json.loads(line)["checkpoint"]))
    except (ValueError, KeyError, TypeError, CheckpointInvalid) as error:
        raise WitnessRefused(
            "the witness file holds a line that is no checkpoint of this log"
        ) from error


def notes_of(path: Path) -> Iterator[str]:
    """The notes of a witness file in order; a damaged line is given as it is, so that it is noticed."""
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    yield str(json.loads(line)["checkpoint"])
                except (ValueError, KeyError, TypeError):
                    yield line.decode(errors="replace")
    except OSError as error:
        raise WitnessUnavailable(f"the witness file cannot be read: {path}") from error


def _follows(last: Signed, new: Signed, prove: Prove) -> bool:
    """Whether `new` has to be added; False when it is there. Raises `WitnessRefused`."""
    old_size, size = last.checkpoint.size, new.checkpoint.size
    if size < old_size:
        raise WitnessAhead(old_size, size)
    try:
        proof = [] if old_size == size else prove(old_size)
        check_consistency(old_size, size, last.checkpoint.root, new.checkpoint.root, proof)
    except ProofInvalid as error:
        raise WitnessRefused(
            f"the log does not continue the {old_size} entries that the witness saw: {error.message}"
        ) from error
    return size > old_size


def _append(handle: int, line: bytes) -> None:
    """Add a whole line, durably, or nothing. Raises `WitnessUnavailable`."""
    before = os.fstat(handle).st_size
    try:
        if os.write(handle, line) != len(line):
            raise OSError(errno.ENOSPC, "only a part was written")
        os.fsync(handle)
    except OSError as error:
        with contextlib.suppress(OSError):  # an append-only file keeps the half line
            os.ftruncate(handle, before)
        raise WitnessUnavailable("the witness file cannot be written") from error


def _tail(handle: int) -> bytes:
    """The last lines, 256 KiB at most; a note is far shorter."""
    size = os.fstat(handle).st_size
    return os.pread(handle, 1 << 18, max(0, size - (1 << 18)))

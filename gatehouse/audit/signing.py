"""Makes checkpoints while the server runs: verifies what is new, signs, hands over, keeps.

A checkpoint is signed only over entries that continue the last signed one and whose chain is whole;
stored nodes are taken only as far as they lead to a root that was signed before. A witness that is
away holds nothing up. What does not fit is never signed over, and said until somebody mends it.
"""

from __future__ import annotations

import contextlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from gatehouse.audit import note as notes
from gatehouse.audit.anchor import Anchor
from gatehouse.audit.chain import GENESIS
from gatehouse.audit.checkpoint import Checkpoint, Signed, Trust
from gatehouse.audit.errors import AuditTampered, AuditUnavailable, CheckpointInvalid
from gatehouse.audit.log import AuditLog
from gatehouse.audit.proofs import consistency_proof
from gatehouse.audit.tree import Frontier, edge, leaf_hash
from gatehouse.audit.witness import Witness, WitnessAhead, WitnessRefused, WitnessUnavailable
from gatehouse.clock import Clock
from gatehouse.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    """How one witness stands: entries it vouches for, since when (epoch seconds), what went wrong."""

    name: str
    size: int = 0
    at: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """How the log stands: entries, how many are under a checkpoint, and what went wrong.

    `checkpoint_at` is when this process last made or confirmed one; `tampered` says why it refuses to
    sign any further.
    """

    entries: int = 0
    checkpointed: int = 0
    checkpoint_at: float | None = None
    tampered: str | None = None
    witnesses: tuple[WitnessStatus, ...] = ()


class Checkpointer:
    """Signs `audit` with `signers`, every `interval` seconds or `every` entries, whichever is first."""

    def __init__(
        self,
        audit: AuditLog,
        clock: Clock,
        trust: Trust,
        signers: Sequence[notes.Signer],
        witnesses: Sequence[Witness],
        anchor: Anchor,
        *,
        every: int = 1000,
        interval: float = 60,
    ) -> None:
        self._log = audit
        self._clock = clock
        self.trust = trust
        self._signers = signers
        self._witnesses = witnesses
        self._anchor = anchor
        self._every = every
        self._interval = interval
        self._working = threading.Lock()
        self._last: Signed | None = None
        self._frontier = Frontier()
        self._chain = GENESIS
        self._looked_at = float("-inf")
        self._status = AuditStatus(witnesses=tuple(WitnessStatus(w.name) for w in witnesses))

    def status(self) -> AuditStatus:
        """How things stood at the last look; never blocks."""
        return self._status

    def poll(self) -> Signed | None:
        """Make a checkpoint if one is due, and hand the last one to witnesses that were away.

        What is wrong with the log is in `status`. Raises `AuditUnavailable`.
        """
        size = self._log.size()
        now, status = self._clock.now(), self._status
        waited = now - self._looked_at
        new = size - status.checkpointed
        away = any(witness.error for witness in status.witnesses)
        # A look that finds fewer entries than were signed has to be followed up at once.
        at_once = status.tampered is None and (new >= self._every or new < 0)
        if not at_once and (0 <= waited < self._interval or not (new or away)):
            return None
        self._looked_at = now
        try:
            return self.make()
        except AuditTampered:
            return None

    def make(self) -> Signed | None:
        """A checkpoint of all entries, handed to every witness; None while there is no entry.

        Raises `AuditTampered` when the entries are not what was written since the last one, and
        `AuditUnavailable`. Never raises for a witness: `status` has it.
        """
        with self._working:
            try:
                self._catch_up()
                if self._frontier.size == 0:
                    return None
                return self._sign_and_hand_over()
            except AuditTampered as error:
                self._refuse(error)
                raise

    def require_whole(self) -> None:
        """Raise `AuditTampered` when the log has fewer entries than were signed or witnessed."""
        size = self._log.size()
        known = {"the anchor beside the key ring": self._anchor.get(self._place)}
        for witness in self._witnesses:
            # One that is damaged says nothing here; handing over to it finds that out.
            with contextlib.suppress(WitnessUnavailable, WitnessRefused):
                known[f"the witness {witness.name}"] = witness.known()
        for who, number in known.items():
            if size < number:
                raise AuditTampered(size + 1, f"is missing; {who} knows of {number} entries")

    def require_kept(self) -> None:
        """Raise `AuditTampered` when the database lacks the newest checkpoint that was signed."""
        known = self._anchor.get(self._place)  # first: it is raised after the checkpoint is kept
        note = self._log.last_checkpoint()
        kept = 0
        if note is not None and not self.trust.is_former(note):
            kept = self.trust.read(note).checkpoint.size
        if kept < known:
            raise AuditTampered(
                kept + 1,
                f"the database lacks the checkpoint of {known} entries, its newest is of {kept}",
            )

    def vouch(self, text: str) -> str:
        """`text` as a note signed with the log's Ed25519 key, for what is no checkpoint.

        Its first line must hold a space: no log is named so, so it never passes for a checkpoint.
        Raises `ValueError` for any other text.
        """
        if " " not in text.partition("\n")[0] or not text.endswith("\n") or "\n\n" in text:
            raise ValueError("this text could be taken for something else")
        own = [one for one in self._signers if isinstance(one, notes.Ed25519Signer)]
        return notes.sign(text, own)

    def _catch_up(self) -> None:
        """Verify what was added since the last checkpoint, starting from its signed root."""
        self.require_whole()
        if self._last is None:
            self._begin()
        frontier, chain = self._frontier.copy(), self._chain
        number = frontier.size
        for rows in self._log.rows(number, 5000):
            for sequence, body, value, _ in rows:
                number += 1
                if sequence != number:
                    raise AuditTampered(number, f"is missing; the next one present is {sequence}")
                if not (isinstance(body, bytes) and isinstance(value, bytes)):
                    raise AuditTampered(number, "cannot be read")
                chain = self._log.chain.link(number, chain, body)
                if not hmac.compare_digest(chain, value):
                    raise AuditTampered(number, "is not what was written after the ones before it")
                frontier.push(leaf_hash(body))
        if number < self._log.seen:
            raise AuditTampered(number + 1, f"is missing; this process wrote {self._log.seen}")
        self._frontier, self._chain = frontier, chain

    def _begin(self) -> None:
        """Take up where the last checkpoint in the database ends."""
        note = self._log.last_checkpoint()
        if note is None or self.trust.is_former(note):
            return
        try:
            signed = self.trust.read(note)
        except CheckpointInvalid as error:
            raise AuditTampered(1, f"its last checkpoint: {error.message}") from error
        size = signed.checkpoint.size
        frontier = Frontier(size, [self._log.node(number) for number in edge(size)])
        if frontier.root() != signed.checkpoint.root:
            raise AuditTampered(
                1, f"entries up to {size} are not those of the last checkpoint (or their nodes)"
            )
        self._chain = self._log.entry(size).chain if size else GENESIS
        self._frontier, self._last = frontier, signed

    def _sign_and_hand_over(self) -> Signed:
        size = self._frontier.size
        if self._last is not None and self._last.checkpoint.size == size:
            signed, is_new = self._last, False
        else:
            text = Checkpoint(self.trust.origin, size, self._frontier.root()).text()
            signed, is_new = self.trust.read(notes.sign(text, self._signers)), True
        lines, states = "", []
        for witness, before in zip(self._witnesses, self._status.witnesses, strict=True):
            state, line = self._hand_over(witness, before, signed)
            states.append(state)
            if line and state.name not in signed.witnesses:
                lines += line
        if is_new or lines:
            signed = self.trust.read(signed.note + lines)
            self._log.add_checkpoint(size, signed.note)
            self._anchor.raise_to(self._place, size)
        self._last = signed
        self._status = AuditStatus(
            self._frontier.size, size, self._clock.now(), None, tuple(states)
        )
        return signed

    def _hand_over(
        self, witness: Witness, before: WitnessStatus, signed: Signed
    ) -> tuple[WitnessStatus, str]:
        size = signed.checkpoint.size

        def prove(old: int) -> list[bytes]:
            return consistency_proof(old, size, self._log.node, self._log.leaf)

        try:
            lines = witness.submit(signed, prove)
        except WitnessUnavailable as error:
            if before.error != error.message:
                log.warning("an audit witness is away", witness=witness.name, reason=error.message)
            return WitnessStatus(witness.name, before.size, before.at, error.message), ""
        except WitnessAhead as error:
            if self._log.size() < error.size:
                raise AuditTampered(size + 1, f"is missing; {error.message}") from error
            size, lines = error.size, ""  # another process has handed over more in the meantime
        except WitnessRefused as error:
            raise AuditTampered(1, f"it or a later one was rewritten: {error.message}") from error
        if before.error is not None:
            log.warning("an audit witness answers again", witness=witness.name)
        return WitnessStatus(witness.name, size, self._clock.now()), lines

    def _refuse(self, error: AuditTampered) -> None:
        """Say what was found, once until it is mended: on the terminal and in the log itself."""
        is_news = self._status.tampered is None
        self._status = AuditStatus(
            self._log.size(),
            self._status.checkpointed,
            self._status.checkpoint_at,
            error.message,
            self._status.witnesses,
        )
        if not is_news:  # the words change as the log grows, not least by this entry
            return
        log.error("the audit log was tampered with, no checkpoint is made", reason=error.message)
        try:
            self._log.append(
                "checkpoint_refused", position=error.sequence, reason=error.reason[:400]
            )
        except AuditUnavailable:
            log.error("the refusal of a checkpoint could not be recorded")

    @property
    def _place(self) -> str:
        return f"entries of {self.trust.origin}"

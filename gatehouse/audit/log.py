"""Appends entries to the audit log, durably and in one total order.

The write-ahead rule rests on `append`: when it returns, the entry is on disk; when it raises,
whatever it was to record must not happen. An entry never holds message text, slot values, codes or
secrets, and names people and conversations by keyed pseudonyms only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from gatehouse import metrics, request_id
from gatehouse.audit import schema
from gatehouse.audit.chain import GENESIS, canonical, link
from gatehouse.clock import Clock, as_iso
from gatehouse.errors import Unavailable

Fact = str | int | float | bool | list[str] | None

KINDS = frozenset(
    {
        "action",
        "administration",
        "assertion_refused",
        "conversation_ended",
        "conversation_expired",
        "conversation_started",
        "decision",
        "erasure",
        "export",
        "key_operation",
        "policy_loaded",
        "policy_rejected",
        "purge",
        "session_ended",
        "sign_in",
        "sign_in_refused",
        "sign_out",
        "start",
        "step_up_cancelled",
        "step_up_failed",
        "step_up_passed",
        "step_up_redeemed",
        "step_up_refused",
        "step_up_requested",
        "tamper",
        "throttled",
        "turn_refused",
    }
)
metrics.AUDIT_ENTRIES.expect(KINDS)
MAX_FACT = 500


class AuditUnavailable(Unavailable):
    """The log cannot be written; nothing that must be recorded may happen."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its position (from 1), its canonical body and its chain value (32 bytes)."""

    sequence: int
    body: str
    chain: bytes


class AuditLog:
    """The log in one database; several processes may append at once."""

    def __init__(self, engine: Engine, clock: Clock, key: bytes) -> None:
        """`key` is 32 bytes; the chain and the pseudonyms use keys derived from it."""
        self._engine = engine
        self._clock = clock
        self._chain_key = _derive(key, "chain")
        self._pseudonym_key = _derive(key, "pseudonym")

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def chain_key(self) -> bytes:
        """The key that verification needs."""
        return self._chain_key

    def create(self) -> None:
        """Create the table if it does not exist."""
        try:
            schema.create(self._engine)
        except SQLAlchemyError as error:
            raise AuditUnavailable("the audit log cannot be opened") from error

    def append(
        self,
        kind: str,
        *,
        person: str | None = None,
        conversation: str | None = None,
        **facts: Fact,
    ) -> int:
        """Write one entry and return its sequence number once it is durable.

        Raises `AuditUnavailable` when the entry is not on disk, `ValueError` for an unknown kind or
        an oversized fact (a mistake of the caller).
        """
        body = canonical(self._body(kind, person, conversation, facts))
        try:
            with metrics.AUDIT_APPEND.measure(), self._engine.begin() as connection:
                schema.serialise_writers(connection)
                last = connection.execute(
                    sa.select(schema.entries.c.sequence, schema.entries.c.chain)
                    .order_by(schema.entries.c.sequence.desc())
                    .limit(1)
                ).first()
                sequence, previous = (last[0], bytes(last[1])) if last else (0, GENESIS)
                connection.execute(
                    schema.entries.insert().values(
                        sequence=sequence + 1,
                        body=body,
                        chain=link(self._chain_key, previous, body),
                    )
                )
        except SQLAlchemyError as error:
            metrics.AUDIT_FAILURES.add()
            raise AuditUnavailable("the audit log cannot be written") from error
        metrics.recorded(kind, facts)
        return int(sequence) + 1

    def entries(self, after: int = 0, batch: int = 1000) -> Iterator[Entry]:
        """All entries after sequence number `after`, in order, read in batches."""
        table = schema.entries
        while True:
            try:
                with self._engine.connect() as connection:
                    rows = connection.execute(
                        sa.select(table)
                        .where(table.c.sequence > after)
                        .order_by(table.c.sequence)
                        .limit(batch)
                    ).all()
            except SQLAlchemyError as error:
                raise AuditUnavailable("the audit log cannot be read") from error
            if not rows:
                return
            for row in rows:
                yield Entry(int(row.sequence), str(row.body), bytes(row.chain))
            after = int(rows[-1].sequence)

    def pseudonym(self, kind: str, identity: str) -> str:
        """The pseudonym of a person or conversation: 128 bits of a keyed hash, in hex."""
        material = f"{kind}\n{identity}".encode()
        return hmac.new(self._pseudonym_key, material, hashlib.sha256).hexdigest()[:32]

    def _body(
        self, kind: str, person: str | None, conversation: str | None, facts: dict[str, Fact]
    ) -> dict[str, object]:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of audit entry: {kind}")
        body: dict[str, object] = {"at": as_iso(self._clock.now()), "kind": kind, "version": 1}
        if person is not None:
            body["person"] = self.pseudonym("person", person)
        if conversation is not None:
            body["conversation"] = self.pseudonym("conversation", conversation)
        facts = {"request_id": request_id.current(), **facts}
        for name, value in facts.items():
            if isinstance(value, str) and len(value) > MAX_FACT:
                raise ValueError(f"the fact {name} is too long for an audit entry")
            if value is not None:
                body[name] = value
        return body


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, f"gatehouse audit {purpose}".encode(), hashlib.sha256).digest()

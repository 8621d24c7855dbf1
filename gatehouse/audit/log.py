"""Appends entries to the audit log, durably and in one total order.

The write-ahead rule rests on `append`: when it returns, the entry is on disk; when it raises,
whatever it was to record must not happen. An entry never holds message text, slot values, codes or
secrets, and names people and conversations by keyed pseudonyms only.
"""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gatehouse import metrics, request_id
from gatehouse.audit import schema
from gatehouse.audit.chain import GENESIS, Chain, canonical
from gatehouse.audit.clocksync import ClockSync
from gatehouse.audit.convert import convert
from gatehouse.audit.errors import AuditUnavailable
from gatehouse.audit.pseudonyms import FixedPseudonyms, Pseudonyms
from gatehouse.audit.reader import LogReader
from gatehouse.audit.tree import leaf_hash, merged, next_node
from gatehouse.clock import Clock, as_iso
from gatehouse.errors import Unavailable

Fact = str | int | float | bool | list[str] | None

KINDS = frozenset(
    {
        "action",
        "administration",
        "assertion_refused",
        "backup",
        "backup_restored",
        "call_refused",
        "checkpoint_refused",
        "conversation_ended",
        "decision",
        "erasure",
        "erasure_receipt",
        "evidence",
        "export",
        "key_operation",
        "legal_hold",
        "log_converted",
        "password_changed",
        "policy_approved",
        "policy_loaded",
        "policy_pending",
        "policy_proposed",
        "policy_rejected",
        "purge",
        "request_refused",
        "session_ended",
        "sign_in",
        "sign_in_refused",
        "sign_out",
        "start",
        "step_up_cancelled",
        "step_up_sent",
        "step_up_failed",
        "step_up_passed",
        "step_up_redeemed",
        "step_up_refused",
        "step_up_requested",
        "stop",
        "tamper",
        "throttled",
        "token_issued",
        "token_refused",
        "turn_refused",
        "webhook_failed",
        "webhook_received",
        "webhook_refused",
        "webhook_sent",
    }
)
metrics.AUDIT_ENTRIES.expect(KINDS)
MAX_FACT = 500
VERSION = 2

# Built once: building a statement costs more than running it.
_COLUMNS = schema.entries.c
_LAST = (
    sa.select(_COLUMNS.sequence, _COLUMNS.chain, _COLUMNS.node)
    .order_by(_COLUMNS.sequence.desc())
    .limit(1)
)
_NODES = sa.select(_COLUMNS.sequence, _COLUMNS.node).where(
    _COLUMNS.sequence.in_(sa.bindparam("needed", expanding=True))
)
_INSERT = schema.entries.insert()


class AuditLog(LogReader):
    """The log in one database; several processes may append at once."""

    def __init__(
        self, engine: Engine, clock: Clock, key: bytes, pseudonyms: Pseudonyms | None = None
    ) -> None:
        """`key` is 32 bytes, the chain uses a key derived from it.

        Without `pseudonyms` people and conversations are named under a key derived from it as well.
        """
        super().__init__(engine)
        self._clock = clock
        self._sync = ClockSync()
        self._old_chain_key = _derive(key, "chain")
        self.chain = Chain(_derive(key, "chain 2"))
        self._old_pseudonyms = FixedPseudonyms(_derive(key, "pseudonym"))
        self._pseudonyms = pseudonyms or FixedPseudonyms(_derive(key, "pseudonym 2"))
        self._seen = 0

    @property
    def seen(self) -> int:
        """The last position that this process wrote; 0 before the first."""
        return self._seen

    def create(self) -> None:
        """Create the tables if they do not exist, and convert a log from before the tree.

        Raises `AuditUnavailable`, and `AuditTampered` when a log to be converted is not whole.
        """
        try:
            with self._engine.begin() as connection:
                converted = convert(connection, self._old_chain_key, self.chain)
            schema.create(self._engine)
        except SQLAlchemyError as error:
            raise AuditUnavailable(
                "the audit log cannot be opened",
                "check audit.url; `gatehouse audit database-sql` prepares a PostgreSQL database",
            ) from error
        if converted is not None:
            size, head = converted
            self.append("log_converted", count=size, head=head.hex())

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
        try:
            body = canonical(self._body(kind, person, conversation, facts))
            with metrics.AUDIT_APPEND.measure(), self._engine.begin() as connection:
                schema.serialise_writers(connection)
                try:
                    sequence = self._insert(connection, body)
                except (TypeError, ValueError) as error:  # a column holds something else
                    raise AuditUnavailable("the audit log is damaged") from error
        except (SQLAlchemyError, Unavailable) as error:
            metrics.AUDIT_FAILURES.add()
            raise AuditUnavailable("the audit log cannot be written") from error
        self._seen = max(self._seen, sequence)
        metrics.recorded(kind, facts)
        return sequence

    def pseudonym(self, kind: str, identity: str) -> str:
        """The pseudonym that a new entry would use for a person or a conversation."""
        return self._pseudonyms.of(kind, identity)

    def pseudonyms(self, kind: str, identity: str) -> list[str]:
        """Every pseudonym of a person or a conversation that can still be computed.

        Entries from before the tree have one under a key that never dies.
        """
        found = self._pseudonyms.known(kind, identity)
        first = next(self.entries(0, 1), None)
        if first is not None and '"version":1' in first.body:
            found.append(self._old_pseudonyms.of(kind, identity))
        return found

    def expire_pseudonyms(self) -> int:
        """End the names that have lived long enough; how many keys died for it."""
        return self._pseudonyms.expire()

    def add_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed checkpoint beside the entries, unless another process kept a newer one.

        Raises `AuditUnavailable`.
        """
        table = schema.checkpoints
        try:
            with self._engine.begin() as connection:
                schema.serialise_writers(connection)
                newest = connection.execute(
                    sa.select(table).order_by(table.c.number.desc()).limit(1)
                ).first()
                number = newest.number + 1 if newest else 1
                same = newest and newest.note.partition("\n")[0] == note.partition("\n")[0]
                if same and (newest.size, len(newest.note)) >= (size, len(note)):
                    return
                connection.execute(table.insert().values(number=number, size=size, note=note))
        except SQLAlchemyError as error:
            raise AuditUnavailable("a checkpoint cannot be written") from error

    def _insert(self, connection: Connection, body: str) -> int:
        last = connection.execute(_LAST).first()
        size, previous = (int(last[0]), bytes(last[1])) if last else (0, GENESIS)
        if size < self._seen:
            raise AuditUnavailable("the audit log is shorter than it was")
        nodes = {size: bytes(last[2])} if last else {}
        needed = merged(size)
        if needed[1:]:
            rows = connection.execute(_NODES, {"needed": needed[1:]})
            nodes.update((int(row[0]), bytes(row[1])) for row in rows)
        if not nodes.keys() >= set(needed):
            raise AuditUnavailable("entries of the audit log are missing")
        data = body.encode("ascii")
        values = {
            "sequence": size + 1,
            "body": body,
            "chain": self.chain.link(size + 1, previous, data),
            "node": next_node(leaf_hash(data), [nodes[number] for number in needed]),
        }
        connection.execute(_INSERT, values)
        return size + 1

    def _body(
        self, kind: str, person: str | None, conversation: str | None, facts: dict[str, Fact]
    ) -> dict[str, object]:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of audit entry: {kind}")
        body: dict[str, object] = {
            "at": as_iso(self._clock.now()),
            "clock": self._sync.state(),
            "kind": kind,
            "version": VERSION,
        }
        if person is not None:
            body["person"] = self.pseudonym("person", person)
        if conversation is not None:
            body["conversation"] = self.pseudonym("conversation", conversation)
        facts = {"request_id": request_id.current(), **facts}
        for name, value in facts.items():
            if name in body and name not in ("person", "conversation"):
                raise ValueError(f"the fact {name} would hide a part of the entry")
            if isinstance(value, str) and len(value) > MAX_FACT:
                raise ValueError(f"the fact {name} is too long for an audit entry")
            if value is not None:
                body[name] = value
        return body


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, f"gatehouse audit {purpose}".encode(), hashlib.sha256).digest()

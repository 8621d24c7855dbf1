"""Keeps the revision in force and the edits that wait, in authenticated rows.

An approval names one revision and the serial number of what it follows. The serial grows with every
change, so an approval is used up by its change, and an old row that is put back fits nothing. A row
that does not verify is never an approval.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from gatehouse.approval.schema import edits, in_force
from gatehouse.clock import Clock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.identity.transactions import insert_or_lock, transaction
from gatehouse.policy.four_eyes import Approval, Conflict, InForce

_ONE: Final = 1


class Audit(Protocol):
    """The part of the audit log that is needed here."""

    def append(self, kind: str, **facts: Any) -> int: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit that waits or was approved: what it does, and the ids of its people (or empty)."""

    revision: str
    base_serial: int
    base: str
    verdict: str
    offered_at: float
    proposer: str
    approver: str


class ApprovalStore:
    """The store of a deployment; `gatehouse.policy.four_eyes.Approvals`.

    `key` is 32 bytes. `name_of` gives the user name of a person who may still stand for an edit,
    None for somebody who left or lost the role meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: bytes,
        audit: Audit,
        name_of: Callable[[str], str | None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._audit = audit
        self._name_of = name_of

    def in_force(self) -> InForce | None:
        """What was put in force last. Raises `IntegrityError` when the row was altered."""
        with transaction(self._engine) as connection:
            return self._in_force(connection)

    def put_in_force(self, revision: str, base: InForce | None) -> InForce:
        """Record that `revision` follows `base`. Raises `Conflict` when something else does."""
        with transaction(self._engine) as connection:
            nothing = {"id": _ONE, "revision": "", "serial": 0, "changed_at": 0.0}
            insert_or_lock(
                connection, in_force, "id", {**nothing, "mac": self._mac("in force", nothing)}
            )
            if self._in_force(connection) != base:
                raise Conflict("other policies were put in force in between")
            row = {
                "id": _ONE,
                "revision": revision,
                "serial": (base.serial if base else 0) + 1,
                "changed_at": self._clock.now(),
            }
            connection.execute(in_force.update().values(**row, mac=self._mac("in force", row)))
        return InForce(revision, int(row["serial"]))  # type: ignore[call-overload]

    def forget(self) -> bool:
        """Forget what is in force, because four eyes were switched off; whether there was anything."""
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(edits))
            return int(connection.execute(sa.delete(in_force)).rowcount) > 0

    def offer(self, revision: str, base: InForce | None, verdict: str) -> None:
        """Record that `revision` waits; harmless when it does already."""
        serial = base.serial if base else 0
        row = {
            "revision": revision,
            "base_serial": serial,
            "base": base.revision if base else "",
            "verdict": verdict,
            "offered_at": self._clock.now(),
            "proposer": "",
            "proposed_at": None,
            "approver": "",
            "approved_at": None,
        }
        with transaction(self._engine) as connection:
            if self._row(connection, revision, serial) is None:
                # What waited for something that is not in force any more waits for nothing.
                connection.execute(sa.delete(edits).where(edits.c.base_serial != serial))
                connection.execute(edits.insert().values(**row, mac=self._mac("edit", row)))

    def waiting(self, base: InForce | None) -> tuple[Edit, ...]:
        """The edits of what is in force, the latest first; those that do not verify are left out."""
        serial = base.serial if base else 0
        query = sa.select(edits).where(edits.c.base_serial == serial)
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(edits.c.offered_at.desc())).mappings().all()
        return tuple(_edit(row) for row in rows if self._genuine("edit", row))

    def approval(self, revision: str, base: InForce | None) -> Approval | None:
        """The approval of `revision` as the follower of `base`, None without a genuine one."""
        with transaction(self._engine) as connection:
            row = self._row(connection, revision, base.serial if base else 0)
        if row is None or row["approved_at"] is None:
            return None
        if not self._genuine("edit", row):
            self._audit.append("tamper", reason="policy_approval_altered", revision=revision)
            return None
        if not row["proposer"] or row["proposer"] == row["approver"]:
            return None
        proposer, approver = self._name_of(row["proposer"]), self._name_of(row["approver"])
        if proposer is None or approver is None or row["base"] != (base.revision if base else ""):
            return None
        return Approval(proposer, approver)

    def propose(self, revision: str, base: InForce | None, person_id: str) -> None:
        """Put a name to a waiting edit. Raises `InvalidInput`."""
        self._sign(revision, base, person_id, "proposer", "proposed_at")

    def approve(self, revision: str, base: InForce | None, person_id: str) -> Edit:
        """Approve a proposed edit. Raises `InvalidInput`, also for the one who proposed it."""
        return self._sign(revision, base, person_id, "approver", "approved_at")

    def may_approve(self, revision: str, base: InForce | None, person_id: str) -> None:
        """Raises what `approve` would raise; changes nothing, so that it can be recorded first."""
        with transaction(self._engine) as connection:
            row = self._genuine_row(connection, revision, base)
        self._signed(row, person_id, "approver", "approved_at")

    def _sign(
        self, revision: str, base: InForce | None, person_id: str, who: str, when: str
    ) -> Edit:
        with transaction(self._engine) as connection:
            row = self._genuine_row(connection, revision, base)
            signed = self._signed(row, person_id, who, when)
            same = (edits.c.revision == revision) & (edits.c.base_serial == row["base_serial"])
            connection.execute(edits.update().where(same).values(**signed))
        return _edit(signed)

    def _genuine_row(
        self, connection: Connection, revision: str, base: InForce | None
    ) -> Mapping[str, Any]:
        row = self._row(connection, revision, base.serial if base else 0, lock=True)
        if row is None:
            raise InvalidInput(
                "no edit of this revision waits", "`gatehouse policy status` shows what does"
            )
        if not self._genuine("edit", row):
            self._audit.append("tamper", reason="policy_approval_altered", revision=revision)
            raise IntegrityError("the record of this edit was altered; it cannot be approved")
        return row

    def _signed(
        self, row: Mapping[str, Any], person_id: str, who: str, when: str
    ) -> dict[str, Any]:
        if row[who] and row[who] != person_id:
            raise InvalidInput(f"somebody else is the {who} of this edit already")
        if who == "approver" and not row["proposer"]:
            raise InvalidInput(
                "nobody has put their name to this edit yet",
                "its author runs `gatehouse policy propose` first",
            )
        if who == "approver" and row["proposer"] == person_id:
            raise InvalidInput("who proposed an edit cannot approve it", "a second person has to")
        signed = {name: value for name, value in row.items() if name != "mac"}
        signed.update({who: person_id, when: self._clock.now()})
        return {**signed, "mac": self._mac("edit", signed)}

    def _in_force(self, connection: Connection) -> InForce | None:
        row = connection.execute(sa.select(in_force)).mappings().one_or_none()
        if row is None:
            return None
        if not self._genuine("in force", row):
            raise IntegrityError("the record of the policies in force was altered")
        return InForce(row["revision"], row["serial"]) if row["serial"] else None

    def _row(
        self, connection: Connection, revision: str, serial: int, *, lock: bool = False
    ) -> Mapping[str, Any] | None:
        query = sa.select(edits).where(edits.c.revision == revision, edits.c.base_serial == serial)
        query = query.with_for_update() if lock else query
        row: Mapping[str, Any] | None = connection.execute(query).mappings().one_or_none()
        return row

    def _genuine(self, kind: str, row: Mapping[str, Any]) -> bool:
        values = {name: value for name, value in row.items() if name != "mac"}
        return hmac.compare_digest(bytes(row["mac"]), self._mac(kind, values))

    def _mac(self, kind: str, values: Mapping[str, Any]) -> bytes:
        content = json.dumps([kind, sorted(values.items())], separators=(",", ":")).encode()
        return hmac.new(self._key, content, hashlib.sha256).digest()


def _edit(row: Mapping[str, Any]) -> Edit:
    return Edit(
        revision=row["revision"],
        base_serial=row["base_serial"],
        base=row["base"],
        verdict=row["verdict"],
        offered_at=row["offered_at"],
        proposer=row["proposer"],
        approver=row["approver"],
    )

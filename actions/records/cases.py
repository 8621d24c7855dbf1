"""Requests that people work on: incidents, lost second factors, transfers, a word with HR.

A case is taken even when it repeats an earlier one, because losing a report is worse than reading
it twice; only a flood from one person is stopped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import checks
from actions.records.interface import InvalidChange
from actions.records.model import Case, CaseKind
from actions.records.schema import case
from actions.records.store import Store, inserted, person, reading
from gatehouse.clock import as_datetime

MOST_OPEN = 50

DESKS: dict[CaseKind, tuple[str, str]] = {
    "security_incident": ("Security desk", "one hour"),
    "second_factor_reset": ("Service desk", "one working day"),
    "retirement_transfer": ("Benefits desk", "five working days"),
    "speak_to_person": ("HR desk", "one working day"),
}
"""Who works on a kind of case, and when the person hears back."""


class Cases(Store):
    """The part of the system of record that takes cases."""

    def open_case(
        self, employee_id: str, kind: str, text: str, request_key: str, now: datetime
    ) -> Case:
        known_kind = checks.case_kind(kind)
        values = {"kind": known_kind, "text": checks.case_text(text, known_kind)}

        def make(connection: Connection, _row: Any) -> int:
            _refuse_flood(connection, employee_id)
            return inserted(
                connection,
                case,
                employee_id=employee_id,
                status="open",
                opened_at=int(now.timestamp()),
                **values,
            )

        def tell(connection: Connection, record_id: int) -> Case:
            query = sa.select(case).where(case.c.id == record_id)
            return _as_case(connection.execute(query).one())

        result: Case = self._change("case", employee_id, request_key, values, now, make, tell)
        return result

    def cases(self, employee_id: str) -> tuple[Case, ...]:
        query = (
            sa.select(case)
            .where(case.c.employee_id == employee_id, case.c.status == "open")
            .order_by(case.c.id.desc())
        )
        with reading(self._engine) as connection:
            person(connection, employee_id)
            return tuple(_as_case(row) for row in connection.execute(query))


def _refuse_flood(connection: Connection, employee_id: str) -> None:
    number = connection.execute(
        sa.select(sa.func.count()).where(case.c.employee_id == employee_id, case.c.status == "open")
    ).scalar_one()
    if number >= MOST_OPEN:
        raise InvalidChange(
            f"You already have {MOST_OPEN} open requests. Please call the HR desk about them."
        )


def _as_case(row: Any) -> Case:
    desk, reply_within = DESKS[row.kind]
    return Case(
        case_id=f"C-{row.id:06d}",
        employee_id=row.employee_id,
        kind=row.kind,
        text=row.text,
        status=row.status,
        desk=desk,
        reply_within=reply_within,
        opened_at=as_datetime(row.opened_at),
    )

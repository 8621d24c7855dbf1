"""Company health plans and the way to bring a retirement plan along.

A change of plan waits for the first day of the next month; nothing is taken back in time.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import checks, words, workdays
from actions.records.cases import Cases
from actions.records.interface import InvalidChange, RecordNotFound
from actions.records.model import Case, HealthCover, HealthPlan, RetirementGuide
from actions.records.schema import health_enrolment, health_plan
from actions.records.store import euros, in_effect, inserted, person, reading

GUIDE = RetirementGuide(
    provider="Brightwater Pension Fund",
    contact="benefits@brightwater.example",
    steps=(
        "Ask your former employer for a statement of the transfer value of your plan.",
        "Tell us who your former employer is; the benefits desk then sends you the form.",
        "Sign the form and send it back with the statement.",
        "The two providers settle the transfer and you get a new statement from our fund.",
    ),
    documents=(
        "Statement of the transfer value, not older than three months",
        "Signed transfer form",
    ),
    note=(
        "The right to a transfer can be used within one year after the old employment ended "
        "(section 4 of the Betriebsrentengesetz). After that both employers have to agree."
    ),
)


class Benefits(Cases):
    """The part of the system of record that knows health and retirement plans."""

    def health_plans(self) -> tuple[HealthPlan, ...]:
        with reading(self._engine) as connection:
            return _plans(connection)

    def health_cover(self, employee_id: str, today: date) -> HealthCover:
        with reading(self._engine) as connection:
            if person(connection, employee_id).employment_type == "contractor":
                raise RecordNotFound("The company health plans are for employees only.")
            return _cover(connection, employee_id, today)

    def request_health_plan_change(
        self, employee_id: str, plan: str, request_key: str, now: datetime
    ) -> HealthCover:
        wanted = _plan_named(self.health_plans(), plan)
        start = workdays.first_of_next_month(now.date())

        def make(connection: Connection, row: Any) -> int:
            if row.employment_type == "contractor":
                raise InvalidChange("The company health plans are for employees only.")
            newest = connection.execute(
                in_effect(health_enrolment, "since", employee_id, start)
            ).one_or_none()
            if newest is not None and newest.plan == wanted.code:
                raise InvalidChange(
                    f"You already have or chose the {wanted.name} plan. "
                    "Which other plan do you want?",
                    field="health_plan",
                )
            return inserted(
                connection,
                health_enrolment,
                employee_id=employee_id,
                plan=wanted.code,
                since=start,
            )

        def tell(connection: Connection, _record_id: int) -> HealthCover:
            return _cover(connection, employee_id, now.date())

        result: HealthCover = self._change(
            "health_plan", employee_id, request_key, {"plan": wanted.code}, now, make, tell
        )
        return result

    def retirement_guide(self) -> RetirementGuide:
        return GUIDE

    def open_transfer(
        self, employee_id: str, former_employer: str | None, request_key: str, now: datetime
    ) -> Case:
        employer = checks.former_employer(former_employer)
        text = f"Former employer: {employer}" if employer else ""
        return self.open_case(employee_id, "retirement_transfer", text, request_key, now)


def _plans(connection: Connection) -> tuple[HealthPlan, ...]:
    query = sa.select(health_plan).order_by(health_plan.c.monthly_cents)
    return tuple(
        HealthPlan(row.code, row.name, row.summary, euros(row.monthly_cents))
        for row in connection.execute(query)
    )


def _plan_named(plans: tuple[HealthPlan, ...], text: object) -> HealthPlan:
    asked = text.strip().casefold() if isinstance(text, str) and len(text) < 60 else ""
    asked = asked.removesuffix("plan").strip()
    for plan in plans:
        if asked in {plan.code.casefold(), plan.name.casefold()}:
            return plan
    names = words.listed([plan.name for plan in plans])
    raise InvalidChange(f"Which plan do you want? There is {names}.", field="health_plan")


def _cover(connection: Connection, employee_id: str, today: date) -> HealthCover:
    plans = {plan.code: plan for plan in _plans(connection)}
    now = connection.execute(in_effect(health_enrolment, "since", employee_id, today)).one_or_none()
    if now is None:
        raise RecordNotFound("You have no company health plan yet. You can choose one.")
    later = connection.execute(in_effect(health_enrolment, "since", employee_id, date.max)).one()
    waits = later.id != now.id and later.plan != now.plan
    return HealthCover(
        employee_id=employee_id,
        plan=plans[now.plan],
        since=now.since,
        next_plan=plans[later.plan] if waits else None,
        next_from=later.since if waits else None,
    )

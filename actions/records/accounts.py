"""The bank account that a person's pay goes to.

The most wanted change of all for a thief: it is checked to the last digit, counts only from the
next open pay run, and the earlier account is kept. A full number must never leave this module but
into its table.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.records import workdays
from actions.records.iban import mask_iban, parse_iban
from actions.records.interface import InvalidChange, RecordNotFound
from actions.records.model import BankAccount
from actions.records.pay import payroll_person
from actions.records.schema import bank_account
from actions.records.store import Store, in_effect, inserted, reading


class Accounts(Store):
    """The part of the system of record that knows bank accounts."""

    def bank_account(self, employee_id: str, on: date) -> BankAccount:
        with reading(self._engine) as connection:
            payroll_person(connection, employee_id)
            row = connection.execute(
                in_effect(bank_account, "effective_from", employee_id, on)
            ).one_or_none()
        if row is None:
            raise RecordNotFound("There is no bank account on record yet. Please give one.")
        return _as_account(row)

    def change_bank_account(
        self, employee_id: str, iban: str, request_key: str, now: datetime
    ) -> BankAccount:
        number = parse_iban(iban)
        effective = workdays.open_pay_date(now.date())

        def make(connection: Connection, row: Any) -> int:
            if row.employment_type == "contractor":
                raise InvalidChange(
                    "Contractors are paid by invoice. "
                    "Please put the new account on your next invoice."
                )
            _refuse_same_account(connection, employee_id, number, effective)
            return inserted(
                connection,
                bank_account,
                employee_id=employee_id,
                iban=number,
                effective_from=effective,
                changed_at=int(now.timestamp()),
            )

        def tell(connection: Connection, record_id: int) -> BankAccount:
            query = sa.select(bank_account).where(bank_account.c.id == record_id)
            return _as_account(connection.execute(query).one())

        result: BankAccount = self._change(
            "bank_account", employee_id, request_key, {"iban": number}, now, make, tell
        )
        return result


def _as_account(row: Any) -> BankAccount:
    return BankAccount(row.employee_id, mask_iban(row.iban), row.iban[:2], row.effective_from)


def _refuse_same_account(
    connection: Connection, employee_id: str, number: str, effective: date
) -> None:
    current = connection.execute(
        in_effect(bank_account, "effective_from", employee_id, effective)
    ).one_or_none()
    if current is not None and current.iban == number:
        raise InvalidChange(
            "Your pay already goes to this account. If you meant another, please give its IBAN.",
            field="iban",
        )

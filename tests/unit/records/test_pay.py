"""Salaries, payslips, taxes and bank accounts."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from actions.records import schema
from actions.records.interface import Conflict, InvalidChange, RecordNotFound
from actions.records.organisation import MEMBERS
from actions.records.sql import SqlRecords

from .conftest import NOW, TODAY

IBAN = "DE89 3704 0044 0532 0130 00"
EMPLOYEES = [member.employee_id for member in MEMBERS if not member.is_contractor]


def test_every_payslip_adds_up(records: SqlRecords) -> None:
    """For everybody and every month gross, deductions and net fit the lines to the cent."""
    for employee_id in EMPLOYEES:
        for period in records.payslip_periods(employee_id)[:13]:
            slip = records.payslip(employee_id, *period)
            sums = {
                kind: sum((line.amount for line in slip.lines if line.kind == kind), Decimal(0))
                for kind in ("earning", "deduction")
            }
            assert (slip.gross, slip.deductions) == (sums["earning"], sums["deduction"])
            assert slip.net == slip.gross - slip.deductions
            assert slip.gross * Decimal("0.4") < slip.net < slip.gross
            assert period == slip.period


def test_tax_form_is_the_sum_of_the_payslips(records: SqlRecords) -> None:
    """The year-end statement repeats what the twelve payslips say."""
    for employee_id in ("E-1001", "E-1002", "E-1017"):
        slips = [records.payslip(employee_id, 2025, month) for month in range(1, 13)]
        form = records.tax_form(employee_id, 2025)
        total: Counter[str] = Counter()
        for line in (line for slip in slips for line in slip.lines):
            total[line.label] += line.amount
        insurance = ("Pension", "Unemployment", "Health", "Care")
        assert sum(slip.gross for slip in slips) == form.gross
        assert total["Income tax"] == form.income_tax
        assert total["Church tax"] == form.church_tax
        assert sum(total[f"{name} insurance"] for name in insurance) == form.social_security
        assert (1, 12) == (form.first_month, form.last_month)


def test_salary_history(records: SqlRecords) -> None:
    """The salary asked for is the one of that day; the payslip of that month shows it."""
    before = records.salary("E-1001", date(2026, 3, 31))
    after = records.salary("E-1001", date(2026, 4, 1))
    assert (Decimal("3686.00"), Decimal("3800.00")) == (before.monthly_gross, after.monthly_gross)
    assert Decimal("45600.00") == after.annual_gross
    assert before.monthly_gross == records.payslip("E-1001", 2026, 3).lines[0].amount
    with pytest.raises(RecordNotFound, match="1 January 2000"):
        records.salary("E-1001", date(2000, 1, 1))


def test_year_end_bonus(records: SqlRecords) -> None:
    """December has half a salary more."""
    lines = {line.label: line.amount for line in records.payslip("E-1001", 2025, 12).lines}
    assert lines["Monthly salary"] / 2 == lines["Year-end bonus"]


def test_withholding_matches_the_payslip(records: SqlRecords) -> None:
    """A month without extras withholds what the tax details say."""
    for employee_id in ("E-1001", "E-1002"):
        terms = records.tax_withholding(employee_id, TODAY)
        lines = {line.label: line.amount for line in records.payslip(employee_id, 2026, 10).lines}
        assert lines["Income tax"] == terms.income_tax
        assert lines.get("Church tax", Decimal("0.00")) == terms.church_tax_amount
    assert ("III", Decimal(2), True) == (terms.tax_class, terms.child_allowances, terms.church_tax)


@pytest.mark.parametrize(("year", "month"), [(2026, 11), (2020, 1), (2026, 0), (2026, 13), (-1, 5)])
def test_no_such_month(records: SqlRecords, year: int, month: int) -> None:
    """For a month without payslip the person hears which months there are."""
    with pytest.raises(RecordNotFound, match="January 2025 to October 2026"):
        records.payslip("E-1001", year, month)


def test_no_such_year(records: SqlRecords) -> None:
    """A year that is not over or not known has no statement; a newcomer has none at all."""
    for year in (2026, 2019, 0, 10**30):
        with pytest.raises(RecordNotFound, match="There is one for 2025"):
            records.tax_form("E-1001", year)
    with pytest.raises(RecordNotFound, match="no wage tax statement for you yet"):
        records.tax_form("E-1018", 2025)


def test_change_bank_account(records: SqlRecords, engine: Engine) -> None:
    """A new account counts from the next open pay run; until then the old one, which is kept."""
    old = records.bank_account("E-1001", TODAY)
    new = records.change_bank_account("E-1001", IBAN, "request-1", NOW)
    assert ("DE•• … 3000", date(2026, 11, 30)) == (new.masked_iban, new.effective_from)
    assert old == records.bank_account("E-1001", date(2026, 11, 29))
    assert new == records.bank_account("E-1001", date(2026, 11, 30))
    with engine.connect() as connection:
        table = schema.bank_account
        rows = connection.execute(
            sa.select(table.c.iban).where(table.c.employee_id == "E-1001").order_by(table.c.id)
        )
        assert 2 == len(rows.scalars().all())


def test_change_after_payroll_closed(records: SqlRecords) -> None:
    """A change in the last days of the month is for the month after."""
    late = NOW + timedelta(days=1)
    assert (
        date(2026, 12, 31)
        == records.change_bank_account("E-1001", IBAN, "request-1", late).effective_from
    )


def test_bank_account_once_per_key(records: SqlRecords, engine: Engine) -> None:
    """The same request twice is one change; its key with another account is refused."""
    first = records.change_bank_account("E-1001", IBAN, "request-1", NOW)
    again = records.change_bank_account("E-1001", IBAN.lower(), "request-1", NOW)
    assert first == again
    other = "GB29 NWBK 6016 1331 9268 19"
    with pytest.raises(Conflict, match="something else"):
        records.change_bank_account("E-1001", other, "request-1", NOW)
    with pytest.raises(Conflict, match="something else"):
        records.change_bank_account("E-1002", IBAN, "request-1", NOW)
    with engine.connect() as connection:
        count = sa.select(sa.func.count()).select_from(schema.bank_account)
        assert len(EMPLOYEES) + 1 == connection.execute(count).scalar_one()


def test_same_account_again(records: SqlRecords) -> None:
    """Asking for the account that is already used is answered with a question."""
    records.change_bank_account("E-1001", IBAN, "request-1", NOW)
    with pytest.raises(InvalidChange, match="already goes to this account"):
        records.change_bank_account("E-1001", IBAN, "request-2", NOW)


def test_contractor_has_no_account(records: SqlRecords) -> None:
    """A contractor hears that invoices name the account."""
    with pytest.raises(InvalidChange, match="invoice"):
        records.change_bank_account("E-1004", IBAN, "request-1", NOW)


def test_bands(records: SqlRecords) -> None:
    """Bands come lowest first."""
    bands = records.salary_bands()
    assert ["B1", "B2", "B3", "B4", "B5", "B6"] == [band.code for band in bands]
    assert (Decimal("32000.00"), "EUR") == (bands[0].minimum, bands[0].currency)

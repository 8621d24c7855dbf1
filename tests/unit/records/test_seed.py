"""The demo organisation as it stands on the first day."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from actions.records import schema
from actions.records.iban import parse_iban
from actions.records.interface import RecordNotFound
from actions.records.organisation import DEMO_ACCOUNTS, MEMBERS
from actions.records.seed import bring_up_to_date, has_people, is_demo, seed
from actions.records.sql import SqlRecords
from gatehouse.errors import InvalidInput

from .conftest import TODAY


def _everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in schema.metadata.sorted_tables
        }


def test_accounts(records: SqlRecords) -> None:
    """The five demo accounts are the people that the documents name."""
    people = [records.employee(account.employee_id) for account in DEMO_ACCOUNTS]
    expected = [
        ("erin.walsh", "Erin Walsh", "employee", "Warehouse operations"),
        ("marco.silva", "Marco Silva", "employee", "Warehouse operations"),
        ("hanna.vogel", "Hanna Vogel", "employee", "People"),
        ("colin.reyes", "Colin Reyes", "contractor", "Transport"),
        ("audrey.lindt", "Audrey Lindt", "employee", "Audit"),
    ]
    actual = [
        (account.username, one.name, one.employment_type, one.department)
        for account, one in zip(DEMO_ACCOUNTS, people, strict=True)
    ]
    assert expected == actual
    assert records.is_manager_of("E-1002", "E-1001")


def test_size_and_tree(engine: Engine) -> None:
    """About forty people, several contractors, and one chief whom everybody leads to."""
    with engine.connect() as connection:
        people = connection.execute(sa.select(schema.employee)).all()
    leaders = {row.employee_id: row.manager_id for row in people}
    assert 41 == len(people)
    assert 4 == sum(row.employment_type == "contractor" for row in people)
    for start in leaders:
        way = [start]
        while (leader := leaders[way[-1]]) is not None:
            assert leader not in way
            way.append(leader)
        assert "E-1006" == way[-1]


def test_same_first_name(records: SqlRecords) -> None:
    """A first name can fit two people, so that a look-up has to ask."""
    assert ["Erin Achterberg", "Erin Walsh"] == [one.name for one in records.find_people("Erin")]
    assert 2 == len(records.find_people("marco"))


def test_somebody_waits_for_approval(records: SqlRecords) -> None:
    """The demo manager has leave to approve."""
    waiting = records.pending_requests_of_team("E-1002")
    assert ["E-1013", "E-1014"] == [one.employee_id for one in waiting]
    assert all(one.start > TODAY for one in waiting)


def test_payslips_end_with_last_month(records: SqlRecords) -> None:
    """There are payslips from January of last year to last month; a newcomer has fewer."""
    periods = records.payslip_periods("E-1001")
    assert ((2026, 10), (2025, 1), 22) == (periods[0], periods[-1], len(periods))
    assert [(2026, month) for month in (10, 9, 8, 7, 6)] == list(records.payslip_periods("E-1018"))


def test_contractors_have_no_pay(records: SqlRecords) -> None:
    """A contractor has no payslip, salary, leave, account or health plan."""
    assert () == records.payslip_periods("E-1004")
    for ask in (
        lambda: records.salary("E-1004", TODAY),
        lambda: records.payslip("E-1004", 2026, 10),
        lambda: records.tax_form("E-1004", 2025),
        lambda: records.tax_withholding("E-1004", TODAY),
        lambda: records.leave_balance("E-1004", TODAY),
        lambda: records.leave_taken("E-1004", 2026, TODAY),
        lambda: records.leave_requests("E-1004"),
        lambda: records.bank_account("E-1004", TODAY),
        lambda: records.health_cover("E-1004", TODAY),
    ):
        with pytest.raises(RecordNotFound):
            ask()


def test_accounts_are_fictional(engine: Engine) -> None:
    """Every account number has right check digits and a bank code that no bank can have."""
    with engine.connect() as connection:
        numbers = connection.execute(sa.select(schema.bank_account.c.iban)).scalars().all()
    assert 37 == len(set(numbers))
    assert numbers == [parse_iban(number) for number in numbers]
    assert {"00000000"} == {number[4:12] for number in numbers}


def test_contact_data(records: SqlRecords) -> None:
    """Mail addresses are plain ASCII of a reserved domain, and no two people share one."""
    mails = {records.employee(member.employee_id).email for member in MEMBERS}
    assert len(MEMBERS) == len(mails)
    assert all(re.fullmatch(r"[a-z-]+\.[a-z-]+@brightwater\.example", mail) for mail in mails)


def test_salaries_lie_in_their_bands(engine: Engine, records: SqlRecords) -> None:
    """No salary, past or present, lies outside its band."""
    bands = {band.code: band for band in records.salary_bands()}
    with engine.connect() as connection:
        for row in connection.execute(sa.select(schema.salary)):
            band = bands[row.band]
            assert band.minimum <= row.monthly_cents * 12 / 100 <= band.maximum


def test_same_day_same_data(empty: Engine, engine: Engine) -> None:
    """Seeding twice for the same day gives the same rows."""
    seed(empty, TODAY)
    assert _everything(engine) == _everything(empty)


def test_refuses_other_peoples_records(engine: Engine) -> None:
    """A database that holds people is left exactly as it is."""
    before = _everything(engine)
    with pytest.raises(InvalidInput, match="already hold people"):
        seed(engine, TODAY)
    assert before == _everything(engine)


def test_nothing_half_seeded(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When seeding fails at its last step the database stays empty."""

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("actions.records.seed._run_payroll", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        seed(empty, TODAY)
    assert not has_people(empty)
    assert not is_demo(empty)


@pytest.mark.parametrize(
    "today", [date(2027, 1, 1), date(2028, 2, 29), date(2027, 7, 14), date(2026, 12, 31)]
)
def test_any_day(empty: Engine, today: date) -> None:
    """On any first day: last month is paid, balances hold, no leave overlaps, accounts present."""
    seed(empty, today)
    records = SqlRecords(empty)
    last_month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    assert 2 <= len(records.pending_requests_of_team("E-1002"))
    for member in MEMBERS:
        if member.is_contractor:
            continue
        assert last_month == records.payslip_periods(member.employee_id)[0]
        for year in (today.year - 1, today.year, today.year + 1):
            assert 0 <= records.leave_balance(member.employee_id, date(year, 12, 31)).available
        _assert_apart(empty, member.employee_id)
    for account in DEMO_ACCOUNTS:
        team = records.team_leave("E-1002", today, today)
        assert account.employee_id not in {one.employee_id for one in team}


def _assert_apart(engine: Engine, employee_id: str) -> None:
    table = schema.leave_request
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(table).where(table.c.employee_id == employee_id).order_by(table.c.start_date)
        ).all()
    for earlier, later in pairwise(rows):
        assert earlier.end_date < later.start_date


def test_bring_up_to_date(engine: Engine, records: SqlRecords) -> None:
    """Months that ended since are paid once, and what was paid before stays."""
    before = records.payslip("E-1001", 2026, 10)
    assert 2 == bring_up_to_date(engine, date(2027, 1, 20))
    assert 0 == bring_up_to_date(engine, date(2027, 1, 20))
    assert (2026, 12) == records.payslip_periods("E-1001")[0]
    assert before == records.payslip("E-1001", 2026, 10)
    assert (2026, 2025) == records.tax_form_years("E-1001")


def test_only_a_demo_is_brought_up_to_date(empty: Engine) -> None:
    """No payslip is made up for records that are not the demo's."""
    assert not has_people(empty)
    with pytest.raises(InvalidInput, match="not the demo's"):
        bring_up_to_date(empty, TODAY)

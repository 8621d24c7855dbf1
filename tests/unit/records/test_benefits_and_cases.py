"""Health plans, the retirement transfer, and cases."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.engine import Engine

from actions.records.cases import DESKS, MOST_OPEN
from actions.records.interface import Conflict, InvalidChange
from actions.records.model import CASE_KINDS
from actions.records.seed import bring_up_to_date
from actions.records.sql import SqlRecords

from .conftest import NOW, TODAY

ERIN = "E-1001"
REPORT = "I opened a strange attachment at nine this morning."


def test_plans(records: SqlRecords) -> None:
    """Plans come cheapest first."""
    assert [("basic", Decimal("0.00")), ("standard", Decimal("24.00"))] == [
        (plan.code, plan.monthly_cost) for plan in records.health_plans()
    ][:2]


@pytest.mark.parametrize("plan", ["premium", "Premium", " PREMIUM plan "])
def test_change_of_plan_waits(records: SqlRecords, plan: str) -> None:
    """A new plan begins next month and is told as waiting until then."""
    cover = records.request_health_plan_change(ERIN, plan, "request-1", NOW)
    assert ("standard", date(2026, 12, 1)) == (cover.plan.code, cover.next_from)
    assert cover.next_plan is not None
    assert "premium" == cover.next_plan.code
    assert cover == records.health_cover(ERIN, TODAY)
    later = records.health_cover(ERIN, date(2026, 12, 1))
    assert ("premium", None) == (later.plan.code, later.next_plan)


def test_plan_reaches_the_payslip(records: SqlRecords, engine: Engine) -> None:
    """The new plan is deducted from the first month it holds."""
    records.request_health_plan_change(ERIN, "family", "request-1", NOW)
    bring_up_to_date(engine, date(2027, 1, 5))
    for month, cost in ((11, "24.00"), (12, "79.00")):
        lines = {line.label: line.amount for line in records.payslip(ERIN, 2026, month).lines}
        assert Decimal(cost) == lines["Company health plan"]


def test_change_of_plan_can_be_taken_back(records: SqlRecords) -> None:
    """Choosing the present plan again takes back a change that waits."""
    records.request_health_plan_change(ERIN, "family", "request-1", NOW)
    cover = records.request_health_plan_change(ERIN, "standard", "request-2", NOW)
    assert ("standard", None, None) == (cover.plan.code, cover.next_plan, cover.next_from)


def test_plan_once_per_key(records: SqlRecords) -> None:
    """The same request twice is one change."""
    first = records.request_health_plan_change(ERIN, "family", "request-1", NOW)
    assert first == records.request_health_plan_change(ERIN, "family", "request-1", NOW)
    with pytest.raises(Conflict):
        records.request_health_plan_change(ERIN, "basic", "request-1", NOW)
    with pytest.raises(InvalidChange, match="already have or chose the Family plan"):
        records.request_health_plan_change(ERIN, "family", "request-2", NOW)


@pytest.mark.parametrize("plan", ["gold", "", "x" * 5000, "basic'; --", "\x00", "\ud800", None, 3])
def test_unknown_plan(records: SqlRecords, plan: str) -> None:
    """An unknown plan is answered with those there are."""
    with pytest.raises(InvalidChange, match="Basic, Standard, Premium or Family") as caught:
        records.request_health_plan_change(ERIN, plan, "request-1", NOW)
    assert "health_plan" == caught.value.field


def test_contractor_has_no_plan(records: SqlRecords) -> None:
    """A contractor cannot choose a plan."""
    with pytest.raises(InvalidChange, match="employees only"):
        records.request_health_plan_change("E-1004", "basic", "request-1", NOW)


def test_transfer(records: SqlRecords) -> None:
    """A transfer is a case of the benefits desk, with or without the former employer."""
    assert 4 == len(records.retirement_guide().steps)
    bare = records.open_transfer(ERIN, None, "request-1", NOW)
    named = records.open_transfer(ERIN, "Müller & Söhne (Köln)", "request-2", NOW)
    assert ("retirement_transfer", "", "Benefits desk") == (bare.kind, bare.text, bare.desk)
    assert "Former employer: Müller & Söhne (Köln)" == named.text
    with pytest.raises(InvalidChange) as caught:
        records.open_transfer(ERIN, "Evil\u202e Ltd", "request-3", NOW)
    assert "former_employer" == caught.value.field


@pytest.mark.parametrize("kind", CASE_KINDS)
def test_case(records: SqlRecords, kind: str) -> None:
    """Anybody, contractors too, can open each kind of case and gets a number and a desk."""
    made = records.open_case("E-1004", kind, REPORT, "request-1", NOW)
    assert ("C-000001", kind, REPORT, "open") == (made.case_id, made.kind, made.text, made.status)
    assert (made.desk, made.reply_within) == DESKS[made.kind]
    assert NOW == made.opened_at
    assert (made,) == records.cases("E-1004")
    assert () == records.cases(ERIN)


def test_case_once_per_key(records: SqlRecords) -> None:
    """The same report twice under one key is one case; a new key is a new case, newest first."""
    first = records.open_case(ERIN, "security_incident", REPORT, "request-1", NOW)
    again = NOW + timedelta(minutes=5)
    assert first == records.open_case(ERIN, "security_incident", REPORT, "request-1", again)
    second = records.open_case(ERIN, "security_incident", REPORT, "request-2", again)
    assert (second, first) == records.cases(ERIN)


@pytest.mark.parametrize(
    "text",
    [
        "Two lines:\nfirst\r\nsecond",
        "Somebody wrote: '; DROP TABLE hr_case; --",
        "Ein Päckchen mit 👩‍💻 und <script>alert(1)</script>",
        "הודעה חשודה הגיעה הבוקר",
        "x" * 4000,
    ],
)
def test_reports_are_kept_as_written(records: SqlRecords, text: str) -> None:
    """A report may quote anything that can be shown."""
    expected = text.replace("\r\n", "\n")
    assert expected == records.open_case(ERIN, "security_incident", text, "request-1", NOW).text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "sentence or two"),
        ("help", "sentence or two"),
        (None, "sentence or two"),
        ("x" * 4001, "at most 4000"),
        ("x" * 1_000_000, "at most 4000"),
        ("a strange \x00 attachment", "shown safely"),
        ("a strange \x1b[2J attachment", "shown safely"),
        ("a strange \u202e attachment", "shown safely"),
        ("a strange \u2066 attachment", "shown safely"),
        ("a strange \ud800 attachment", "shown safely"),
        (b"a strange attachment", "own words"),
        (["a strange attachment"], "own words"),
    ],
)
def test_reports_that_cannot_be_taken(records: SqlRecords, text: str, reason: str) -> None:
    """What is empty, endless or unshowable is answered with a question; no case is opened."""
    with pytest.raises(InvalidChange, match=reason) as caught:
        records.open_case(ERIN, "security_incident", text, "request-1", NOW)
    assert "text" == caught.value.field
    assert () == records.cases(ERIN)


def test_other_cases_need_no_text(records: SqlRecords) -> None:
    """Asking for a person needs no reason."""
    assert "" == records.open_case(ERIN, "speak_to_person", "", "request-1", NOW).text


@pytest.mark.parametrize("kind", ["", "root", None, 7, "speak_to_person "])
def test_unknown_kind(records: SqlRecords, kind: str) -> None:
    """An unknown kind of case is refused."""
    with pytest.raises(InvalidChange, match="cannot be passed on"):
        records.open_case(ERIN, kind, REPORT, "request-1", NOW)


def test_flood(records: SqlRecords) -> None:
    """One person cannot fill the desks; others are not affected."""
    for number in range(MOST_OPEN):
        records.open_case(ERIN, "speak_to_person", "", f"request-{number}", NOW)
    with pytest.raises(InvalidChange, match="open requests"):
        records.open_case(ERIN, "speak_to_person", "", "one-too-many", NOW)
    assert "open" == records.open_case("E-1002", "speak_to_person", "", "another-one", NOW).status

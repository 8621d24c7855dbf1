"""The answers of the actions, read from a seeded system of record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from actions.benefits import ChangeHealthPlan, TransferRetirementPlan, ViewHealthCover
from actions.desk import AskCapabilities, Cancel, SpeakToPerson
from actions.leave import ViewLeaveBalance, ViewLeaveStatus, ViewLeaveTaken, ViewNextHoliday
from actions.leave_request import AskLeaveConfirmed, RequestLeave
from actions.pay import (
    ViewColleagueSalary,
    ViewNextPayDate,
    ViewPayslip,
    ViewSalary,
    ViewSalaryBands,
    ViewTaxForm,
    ViewTaxWithholding,
)
from actions.people import ApproveLeave, LookUpPerson, ViewTeamLeave
from actions.privacy import EndConversation, EraseStoredData, ExportStoredData, ViewStoredData
from actions.profile import ChangeAddress, ChangeBankAccount, ViewPersonalDetails
from actions.records.interface import SystemOfRecord
from actions.safety import ReportSecurityIncident, ResetSecondFactor
from actions.wording import money
from gatehouse.dialogue.turn import Ask, Reply, Turn
from tests.unit.actions.conftest import COLIN, ERIN, HANNA, MARCO, NOW, TODAY, assertion, turn

IBAN = "DE89 3704 0044 0532 0130 00"
LEAVE = {
    "leave_kind": "annual",
    "start_date": "2026-12-07",
    "end_date": "2026-12-11",
    "confirmed": True,
}
ADDRESS = {"street": "Lindenweg 12", "postcode": "10115", "city": "Berlin", "confirmed": True}


def text_of(reply: Reply) -> str:
    return "\n".join(message.text or message.response or "" for message in reply.messages)


def question_of(action: Any, asked: Turn) -> Ask:
    with pytest.raises(Ask) as caught:
        action.request_values(asked)
        action.perform(asked)
    return caught.value


def test_personal_details(records: SystemOfRecord) -> None:
    """The address in full and the account masked; who has no pay hears of none."""
    said = ViewPersonalDetails().perform(turn())
    address = records.address(ERIN)
    account = records.bank_account(ERIN, records.next_pay_date(TODAY))
    assert f"{address.street}, {address.postcode} {address.city}" in text_of(said)
    assert account.masked_iban in text_of(said)
    contractor = ViewPersonalDetails().perform(turn(employee_id=COLIN))
    assert records.address(COLIN).street in text_of(contractor)
    assert "pay" not in text_of(contractor)
    assert [2, 1] == [len(reply.messages[0].buttons) for reply in (said, contractor)]


def test_salary(records: SystemOfRecord) -> None:
    """The salary is the one on record, with its band and since when."""
    salary = records.salary(ERIN, TODAY)
    said = text_of(ViewSalary().perform(turn()))
    assert money(salary.annual_gross) in said
    assert salary.band in said


def test_next_pay_date(records: SystemOfRecord) -> None:
    """Pay day is said with its weekday and how far it is."""
    said = text_of(ViewNextPayDate().perform(turn()))
    assert "The next pay day is Monday 30 November 2026, in 7 days." == said


@pytest.mark.parametrize("words", ["october", "10/2026", "last month", "2026-10"])
def test_payslip_of_a_month(records: SystemOfRecord, words: str) -> None:
    """However the month is written, its payslip is shown and bound by its full name."""
    asked = turn(period=words)
    assert {"period": "October 2026"} == ViewPayslip().request_values(asked)
    slip = records.payslip(ERIN, 2026, 10)
    assert money(slip.net) in text_of(ViewPayslip().perform(asked))


def test_payslip_after_the_question(records: SystemOfRecord) -> None:
    """A month that answered the question is taken from its slot when the request resumes."""
    asked = turn(slots={"period": "september"})
    assert {"period": "September 2026"} == ViewPayslip().request_values(asked)


def test_payslip_prompt_says_what_is_approved(records: SystemOfRecord) -> None:
    """The words next to the code name the month."""
    prompt = ViewPayslip().prompt(turn(), {"period": "October 2026"})
    assert "show your payslip for October 2026" == prompt


@pytest.mark.parametrize("words", ["", "2025", "gibberish", "13/2026"])
def test_payslip_without_a_month(records: SystemOfRecord, words: str) -> None:
    """Without one clear month the question offers the latest ones."""
    question = question_of(ViewPayslip(), turn(period=words) if words else turn())
    assert ["October 2026", "September 2026", "August 2026"] == [
        button.title for button in question.buttons
    ]


def test_payslip_of_a_quarter(records: SystemOfRecord) -> None:
    """A quarter is asked back with its months."""
    question = question_of(ViewPayslip(), turn(period="Q2"))
    assert '/view_payslip{"period": "2026-04"}' == question.buttons[0].payload


def test_payslip_that_is_not_there(records: SystemOfRecord) -> None:
    """A month without a payslip is answered with words, not an error."""
    assert question_of(ViewPayslip(), turn(period="january 1999")).question


def test_tax_withholding(records: SystemOfRecord) -> None:
    """What is withheld is said with the tax class."""
    tax = records.tax_withholding(ERIN, TODAY)
    said = text_of(ViewTaxWithholding().perform(turn()))
    assert f"Tax class {tax.tax_class}" in said
    assert money(tax.income_tax) in said


def test_tax_form(records: SystemOfRecord) -> None:
    """The statement of a year is the one on record."""
    asked = turn(year="2025")
    assert {"year": "2025"} == ViewTaxForm().request_values(asked)
    assert money(records.tax_form(ERIN, 2025).gross) in text_of(ViewTaxForm().perform(asked))


def test_colleague_salary_confirms_no_name_before_the_rules(records: SystemOfRecord) -> None:
    """Until the rules agree nobody is looked up, so the values hold only the words."""
    asked = turn(person="Somebody Unknown")
    assert {"person": "Somebody Unknown"} == ViewColleagueSalary().request_values(asked)
    assert ("anyone", {}) == ViewColleagueSalary().subject(asked)


def test_colleague_salary_where_rules_allow_it(records: SystemOfRecord) -> None:
    """Where compliance allows it, the answer is about the right person."""
    salary = records.salary(MARCO, TODAY)
    said = text_of(ViewColleagueSalary().perform(turn(HANNA, person="Marco Silva")))
    assert "Marco Silva" in said and money(salary.annual_gross) in said


def test_salary_bands(records: SystemOfRecord) -> None:
    """All bands are listed, with both ends."""
    said = text_of(ViewSalaryBands().perform(turn(HANNA)))
    assert all(money(band.maximum) in said for band in records.salary_bands())


def test_leave_balance(records: SystemOfRecord) -> None:
    """What is left is what the records say."""
    balance = records.leave_balance(ERIN, TODAY)
    assert f"You have {balance.available} days" in text_of(ViewLeaveBalance().perform(turn()))


def test_leave_taken(records: SystemOfRecord) -> None:
    """Leave taken is summed over the year."""
    taken = records.leave_taken(ERIN, 2026, TODAY)
    total = sum(entry.working_days for entry in taken)
    assert f"{total} working days" in text_of(ViewLeaveTaken().perform(turn()))


def test_leave_status(records: SystemOfRecord) -> None:
    """Every request is shown with its number."""
    said = text_of(ViewLeaveStatus().perform(turn()))
    assert all(one.request_id in said for one in records.leave_requests(ERIN))


def test_next_holiday(records: SystemOfRecord) -> None:
    """The next public holiday is said with its weekday."""
    said = text_of(ViewNextHoliday().perform(turn()))
    assert said.endswith("Friday 25 December 2026.")


def test_leave_is_previewed(records: SystemOfRecord) -> None:
    """Before the yes the person sees the days it costs, and nothing is written."""
    before = records.leave_requests(ERIN)
    reply = AskLeaveConfirmed().perform(turn(slots={**LEAVE, "confirmed": None}))
    assert "5 working days" in text_of(reply)
    assert ["/affirm", "/deny"] == [button.payload for button in reply.messages[0].buttons]
    assert before == records.leave_requests(ERIN)


def test_leave_that_cannot_be_taken_is_said_before_the_yes(records: SystemOfRecord) -> None:
    """Leave in the past is refused at the preview, with a way on."""
    past = {**LEAVE, "start_date": "2026-01-05", "end_date": "2026-01-06"}
    reply = AskLeaveConfirmed().perform(turn(slots=past))
    assert text_of(reply).endswith("Please give me other days, or say cancel.")


def test_leave_is_requested_once(records: SystemOfRecord) -> None:
    """A confirmed request is written, says its number, clears the form, and is not made twice."""
    before = len(records.leave_requests(ERIN))
    first = RequestLeave().perform(turn(slots=LEAVE))
    again = RequestLeave().perform(turn(slots=LEAVE))
    newest = records.leave_requests(ERIN)[0]
    assert (date(2026, 12, 7), date(2026, 12, 11)) == (newest.start, newest.end)
    assert newest.request_id in text_of(first)
    assert text_of(first) == text_of(again)
    assert before + 1 == len(records.leave_requests(ERIN))
    assert dict.fromkeys(LEAVE) == first.slots


@pytest.mark.parametrize("confirmed", [None, False, "yes", 1])
def test_nothing_is_requested_unconfirmed(records: SystemOfRecord, confirmed: object) -> None:
    """Only a yes to the shown values counts; whatever else the slot holds asks again."""
    before = records.leave_requests(ERIN)
    question_of(RequestLeave(), turn(slots={**LEAVE, "confirmed": confirmed}))
    assert before == records.leave_requests(ERIN)


def test_health_cover(records: SystemOfRecord) -> None:
    """The plan is the one on record."""
    said = text_of(ViewHealthCover().perform(turn()))
    assert records.health_cover(ERIN, TODAY).plan.name in said


def test_health_plan_is_shown_before_it_is_changed(records: SystemOfRecord) -> None:
    """Naming a plan shows its cost and asks; nothing is changed."""
    question = question_of(ChangeHealthPlan(), turn(health_plan="premium"))
    assert "Shall I change it?" in question.question
    assert None is records.health_cover(ERIN, TODAY).next_plan


def test_health_plan_is_changed_after_a_yes(records: SystemOfRecord) -> None:
    """After the yes the change waits for next month and the question is closed."""
    asked = turn(slots={"health_plan": "premium", "approval": "yes"})
    reply = ChangeHealthPlan().perform(asked)
    following = records.health_cover(ERIN, TODAY).next_plan
    assert following is not None and "premium" == following.code
    assert "none" == reply.slots["topic"]


@pytest.mark.parametrize("words", ["", "platinum", "premium'; drop table"])
def test_unknown_health_plan(records: SystemOfRecord, words: str) -> None:
    """A plan that does not exist is asked back with all that do."""
    question = question_of(ChangeHealthPlan(), turn(health_plan=words) if words else turn())
    assert [plan.name for plan in records.health_plans()] == [b.title for b in question.buttons]


def test_retirement_transfer(records: SystemOfRecord) -> None:
    """The transfer is explained first and opened as a case after a yes."""
    assert "Shall I start the transfer?" in text_of(TransferRetirementPlan().perform(turn()))
    assert () == records.cases(ERIN)
    TransferRetirementPlan().perform(turn(slots={"approval": "yes"}))
    assert ["retirement_transfer"] == [case.kind for case in records.cases(ERIN)]


def test_bank_account_is_changed_to_what_was_approved(records: SystemOfRecord) -> None:
    """The full number is in what is approved, only its end in the answer, and the slots go."""
    asked = turn(slots={"iban": IBAN, "confirmed": True})
    values = ChangeBankAccount().request_values(asked)
    assert {"iban": IBAN} == values
    assert IBAN in ChangeBankAccount().prompt(asked, values)
    reply = ChangeBankAccount().perform(asked)
    assert "3000" in text_of(reply) and IBAN not in text_of(reply)
    assert "3000" == records.bank_account(ERIN, date(2026, 12, 31)).masked_iban[-4:]
    assert {"iban": None, "confirmed": None} == reply.slots


@pytest.mark.parametrize(
    "slots",
    [
        {"iban": IBAN, "confirmed": None},
        {"iban": IBAN, "confirmed": False},
        {"iban": "DE00 0000", "confirmed": True},
        {"iban": None, "confirmed": True},
        {"iban": ["DE89"], "confirmed": True},
    ],
)
def test_bank_account_stays(records: SystemOfRecord, slots: dict[str, object]) -> None:
    """Without a yes, or with anything but an account number, nothing is written."""
    before = records.bank_account(ERIN, date(2026, 12, 31))
    question_of(ChangeBankAccount(), turn(slots=slots))
    assert before == records.bank_account(ERIN, date(2026, 12, 31))


def test_address_is_changed(records: SystemOfRecord) -> None:
    """The approved address is the one written."""
    asked = turn(slots=ADDRESS)
    values = ChangeAddress().request_values(asked)
    assert {"street": "Lindenweg 12", "postcode": "10115", "city": "Berlin"} == values
    reply = ChangeAddress().perform(asked)
    address = records.address(ERIN)
    assert ("Lindenweg 12", "10115", "Berlin") == (address.street, address.postcode, address.city)
    assert dict.fromkeys(ADDRESS) == reply.slots


@pytest.mark.parametrize(
    "change",
    [
        {"confirmed": None},
        {"postcode": "1011"},
        {"street": "\u202eLindenweg 12"},
        {"city": "<script>"},
        {"street": None},
    ],
)
def test_address_stays(records: SystemOfRecord, change: dict[str, object]) -> None:
    """Without a yes, or with a value that does not pass, nothing is written."""
    before = records.address(ERIN)
    question_of(ChangeAddress(), turn(slots={**ADDRESS, **change}))
    assert before == records.address(ERIN)


def test_look_up_binds_one_person(records: SystemOfRecord) -> None:
    """The code is bound to one person, by name and number."""
    asked = turn(HANNA, person="erin walsh")
    assert {"person": f"Erin Walsh ({ERIN})"} == LookUpPerson().request_values(asked)
    assert "Erin Walsh" in text_of(LookUpPerson().perform(asked))


def test_look_up_asks_between_two(records: SystemOfRecord) -> None:
    """Two people of one name are offered, each by their number."""
    question = question_of(LookUpPerson(), turn(HANNA, person="Erin"))
    assert [
        '/look_up_person{"person": "E-1019"}',
        '/look_up_person{"person": "E-1001"}',
    ] == [button.payload for button in question.buttons]


@pytest.mark.parametrize("words", ["Nobody Atall", "", "%", "' or 1=1"])
def test_look_up_of_nobody(records: SystemOfRecord, words: str) -> None:
    """A name that is nobody's is asked back and reveals nobody."""
    question = question_of(LookUpPerson(), turn(HANNA, person=words))
    assert () == question.buttons


def test_look_up_of_a_contractor(records: SystemOfRecord) -> None:
    """A contractor has no employee records, and the answer does without."""
    assert "Colin Reyes" in text_of(LookUpPerson().perform(turn(HANNA, person=COLIN)))


def test_team_leave(records: SystemOfRecord) -> None:
    """A month shows the leave of the team in it, and of nobody else."""
    said = text_of(ViewTeamLeave().perform(turn(MARCO, period="december")))
    expected = records.team_leave(MARCO, date(2026, 12, 1), date(2026, 12, 31))
    assert all(one.employee_name in said for one in expected)
    assert len(expected) == said.count("•")


def test_team_leave_of_one(records: SystemOfRecord) -> None:
    """A member of the team can be named; somebody outside it is not found."""
    said = text_of(ViewTeamLeave().perform(turn(MARCO, period="december", person="Tomasz")))
    assert "Tomasz" in said
    question_of(ViewTeamLeave(), turn(MARCO, person="Hanna Vogel"))


@pytest.mark.parametrize("kind", [ApproveLeave, ViewTeamLeave])
@pytest.mark.parametrize(
    ("words", "expected"),
    {
        "": "team",
        "Erin": "team",
        "tomasz wrobelski": "team",
        "E-1013": "team",
        "Marco": "self",
        "Marco Silva": "self",
        "Hanna Vogel": "anyone",
        "Nobody Atall": "anyone",
    }.items(),
)
def test_whose_leave_it_is(records: SystemOfRecord, kind: Any, words: str, expected: str) -> None:
    """Rules learn whether it is the team's; an unknown name looks like any outsider's."""
    asked = turn(MARCO, person=words) if words else turn(MARCO)
    assert (expected, {}) == kind().subject(asked)


def test_team_leave_of_two_of_one_name(records: SystemOfRecord) -> None:
    """A first name that two members share shows both."""
    said = text_of(ViewTeamLeave().perform(turn(MARCO, period="january 2027", person="Erin")))
    assert "Erin Achterberg and Erin Walsh" in said


def test_team_leave_without_a_team(records: SystemOfRecord) -> None:
    """Who manages nobody is told so."""
    assert "Nobody reports to you" in text_of(ViewTeamLeave().perform(turn()))


def test_approval_shows_the_request_first(records: SystemOfRecord) -> None:
    """Naming a person approves nothing yet."""
    reply = ApproveLeave().perform(turn(MARCO, person="Tomasz Wrobelski"))
    assert text_of(reply).endswith("Shall I approve it?")
    assert "E-1013" in {one.employee_id for one in records.pending_requests_of_team(MARCO)}


def test_approval_by_button(records: SystemOfRecord) -> None:
    """The button approves the request that it named, once."""
    waiting = records.pending_requests_of_team(MARCO)[0]
    chosen = turn(MARCO, person=waiting.employee_id, slots={"approval": waiting.request_id})
    assert "Approved:" in text_of(ApproveLeave().perform(chosen))
    assert waiting.request_id not in {
        one.request_id for one in records.pending_requests_of_team(MARCO)
    }


def test_approval_by_yes_needs_one_request(records: SystemOfRecord) -> None:
    """A yes to several requests approves none of them."""
    before = records.pending_requests_of_team(MARCO)
    assert len(before) > 1
    reply = ApproveLeave().perform(turn(MARCO, slots={"approval": "yes"}))
    assert {"shown_request": None} == reply.slots
    assert before == records.pending_requests_of_team(MARCO)


def test_approval_of_a_foreign_request(records: SystemOfRecord) -> None:
    """A request of another team cannot be named into an approval."""
    foreign = records.leave_requests("E-1021")
    slots = {"approval": foreign[0].request_id if foreign else "L-000001"}
    before = records.pending_requests_of_team(MARCO)
    ApproveLeave().perform(turn(MARCO, slots=slots))
    assert before == records.pending_requests_of_team(MARCO)


def test_a_yes_is_for_the_request_that_was_shown(records: SystemOfRecord) -> None:
    """Another request that waits by now is not approved, even as the person's only one."""
    before = records.pending_requests_of_team(MARCO)
    tomasz = "Tomasz Wrobelski"
    shown = ApproveLeave().perform(turn(MARCO, person=tomasz)).slots["shown_request"]
    assert shown in {one.request_id for one in before if one.employee_name == tomasz}
    slots = {"approval": "yes", "person": tomasz, "shown_request": "L-of-before"}
    reply = ApproveLeave().perform(turn(MARCO, slots=slots))
    assert "no longer waiting" in text_of(reply) and "Shall I approve it?" in text_of(reply)
    assert before == records.pending_requests_of_team(MARCO)
    assert {"shown_request": shown} == reply.slots
    ApproveLeave().perform(turn(MARCO, slots={**slots, "shown_request": shown}))
    assert tuple(one for one in before if one.request_id != shown) == (
        records.pending_requests_of_team(MARCO)
    )


@pytest.mark.parametrize(
    "words",
    [
        "reject the leave request of tomasz", "I declined it", "deny Tomasz the days off",
        "refuse it", "turn it down", "turn down Tomasz's vacation", "I disapprove of it",
        "I do not approve it", "don't approve tomasz's leave", "I don\u2019t approve",
        "dont approve it", "yes, reject it", "I will never allow it", "REJECT",
    ],
)  # fmt: skip
def test_a_refusal_approves_nothing(records: SystemOfRecord, words: str) -> None:
    """Whatever was shown before, words of refusal are answered honestly and close the question."""
    before = records.pending_requests_of_team(MARCO)
    shown = ApproveLeave().perform(turn(MARCO, person="Tomasz")).slots["shown_request"]
    slots = {"approval": "yes", "person": "Tomasz", "shown_request": shown}
    reply = ApproveLeave().perform(turn(MARCO, text=words, slots=slots))
    assert "cannot refuse" in text_of(reply)
    assert {"approval": None, "shown_request": None, "person": None, "topic": "none"} == reply.slots
    assert before == records.pending_requests_of_team(MARCO)


@pytest.mark.parametrize(
    "words", ["approve the leave of tomasz", "I want to approve it", "requests not yet approved"]
)
def test_an_approval_is_not_taken_for_a_refusal(records: SystemOfRecord, words: str) -> None:
    """Other words show the request."""
    reply = ApproveLeave().perform(turn(MARCO, text=words, person="Tomasz"))
    assert "Shall I approve it?" in text_of(reply)


@pytest.mark.parametrize("words", ["december 2026", "next month", "january 1999"])
def test_no_code_for_a_payslip_that_does_not_exist(records: SystemOfRecord, words: str) -> None:
    """Before a code is asked for, a month without a payslip is answered with those that exist."""
    with pytest.raises(Ask) as caught:
        ViewPayslip().request_values(turn(period=words))
    assert "There is no payslip for" in caught.value.question
    assert "October 2026" == caught.value.buttons[0].title


@pytest.mark.parametrize("year", ["2026", "2031", "1999"])
def test_no_code_for_a_tax_form_that_does_not_exist(records: SystemOfRecord, year: str) -> None:
    """Before a code is asked for, a year without a statement is answered with those that exist."""
    with pytest.raises(Ask) as caught:
        ViewTaxForm().request_values(turn(year=year))
    offered = [str(known) for known in records.tax_form_years(ERIN)]
    assert offered == [button.title for button in caught.value.buttons]


@pytest.mark.parametrize(
    ("roles", "offered", "silent"),
    [
        ({"employee"}, "payslips", "your team"),
        ({"employee", "manager"}, "your team", "looking people up"),
        ({"employee", "hr_admin"}, "looking people up", "your team"),
        ({"contractor"}, "home address", "payslip"),
        ({"auditor"}, "security incident", "address"),
    ],
)
def test_capabilities_of_each_role(roles: set[str], offered: str, silent: str) -> None:
    """Nobody is offered what the rules refuse to the role."""
    asked = replace(turn(), person=replace(assertion(), roles=frozenset(roles)))
    reply = AskCapabilities().perform(asked)
    said = text_of(reply) + str(reply.messages[0].buttons)
    assert offered in said and silent not in said


def test_incident_report(records: SystemOfRecord) -> None:
    """The report becomes a case with its words, and says when somebody answers."""
    slots = {"incident_description": "My laptop was stolen on the train"}
    reply = ReportSecurityIncident().perform(turn(slots=slots))
    case = records.cases(ERIN)[0]
    assert ("security_incident", slots["incident_description"]) == (case.kind, case.text)
    assert case.case_id in text_of(reply)
    assert {"incident_description": None} == reply.slots


def test_incident_without_words(records: SystemOfRecord) -> None:
    """Nothing is reported without a description."""
    question_of(ReportSecurityIncident(), turn())
    assert () == records.cases(ERIN)


@pytest.mark.parametrize("kind", [ResetSecondFactor, SpeakToPerson])
def test_hand_over_opens_one_case(records: SystemOfRecord, kind: Any) -> None:
    """Asking twice does not open two cases."""
    first = text_of(kind().perform(turn(key="request-key-1")))
    second = text_of(kind().perform(turn(key="request-key-2")))
    assert first == second
    assert 1 == len(records.cases(ERIN))


def test_stored_data(runtime: SimpleNamespace) -> None:
    """What is stored is said with its end, and what can be done about it."""
    one = SimpleNamespace(
        started_at=NOW.timestamp() - 600,
        last_message_at=NOW.timestamp(),
        expires_at=NOW.timestamp() + 86400,
        turns=3,
        fixed=False,
    )
    runtime.conversations.summary = lambda person: (one,) if person == f"p-{ERIN}" else ()
    reply = ViewStoredData().perform(turn())
    assert "1 conversation" in text_of(reply) and "3 messages" in text_of(reply)
    assert "24 November 2026 at 10:00" in text_of(reply)
    assert ["/export_stored_data", "/erase_stored_data"] == [
        button.payload for button in reply.messages[0].buttons
    ]


def test_a_legal_hold_is_told(runtime: SimpleNamespace) -> None:
    """Since when, for what reason, and who can read it then."""
    hold = SimpleNamespace(
        handles=("a", "b"), reason="case 4711", approved_at=NOW.timestamp(), proposed_at=0.0
    )
    runtime.holds.shown_to = lambda person: [hold] if person == f"p-{ERIN}" else []
    text = text_of(ViewStoredData().perform(turn()))
    assert "kept by a legal hold since 23 November 2026 at 10:00: 2 conversations" in text
    assert "case 4711" in text and "named holders alone" in text


def test_what_may_speak_for_the_person_is_told(runtime: SimpleNamespace) -> None:
    """A front end of the person's own, where it lives and until when."""
    one = SimpleNamespace(name="Kiosk", domain="kiosk.example.org", expires_at=NOW.timestamp())
    runtime.front_ends.of_person = lambda person: (one,) if person == f"p-{ERIN}" else ()
    text = text_of(ViewStoredData().perform(turn()))
    assert "the front end “Kiosk” (kiosk.example.org), which may speak for you until 23" in text


def test_export_makes_a_ticket_for_this_session(runtime: SimpleNamespace) -> None:
    """The download is offered to this person and session only."""
    reply = ExportStoredData().perform(turn())
    who = ("export", f"p-{ERIN}", "s1")
    assert [(*who, "page"), (*who, "json")] == runtime.calls
    offers = [message.custom for message in reply.messages if message.custom]
    assert [("download", "ticket-1")] * 2 == [(one["gatehouse"], one["ticket"]) for one in offers]
    assert ["Download to read", "Download as JSON"] == [one["title"] for one in offers]


def test_erasure_is_asked_for(runtime: SimpleNamespace) -> None:
    """The channel is asked to erase, for this person, and told that the conversation ended."""
    reply = EraseStoredData().perform(turn())
    assert [("erase", f"p-{ERIN}", "s1")] == runtime.calls
    assert {"gatehouse": "conversation_ended"} == reply.messages[-1].custom


def test_end_of_a_conversation_is_asked_for(runtime: SimpleNamespace) -> None:
    """The channel is asked to end this conversation and no other."""
    reply = EndConversation().perform(turn())
    assert [("end", "c1")] == runtime.calls
    assert {"gatehouse": "conversation_ended"} == reply.messages[-1].custom


def test_cancel_says_whether_something_was_open() -> None:
    """Cancelling inside a form, declining it, and cancelling nothing are said differently."""
    inside = Cancel().perform(turn(slots={"requested_slot": "iban", "iban": IBAN}))
    declined = Cancel().perform(turn(slots={"confirmed": False}))
    nothing = Cancel().perform(turn())
    assert text_of(inside) == text_of(declined) != text_of(nothing)
    assert None is inside.slots["iban"] and None is inside.slots["confirmed"]


def test_money_and_zero_cost() -> None:
    """Amounts have a sign of currency, thousands and two places."""
    assert "€1,234.50" == money(Decimal("1234.5"))
    assert "\N{MINUS SIGN}€3.00" == money(Decimal(-3))
    assert "2.00 CHF" == money(Decimal(2), "CHF")

"""What a form hears in a message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions.forms import DeskForm
from actions.leave_request import LeaveForm
from actions.profile import AddressForm, BankAccountForm
from actions.safety import IncidentForm
from tests.unit.actions.conftest import OpenCheckpoint, run_action, tracker_of

IBAN = "DE89 3704 0044 0532 0130 00"
FORMS = [LeaveForm, BankAccountForm, AddressForm, IncidentForm]


def heard(
    form: DeskForm, text: str, intent: str = "inform", *, asked: str | None = None, **slots: object
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The slots that `text` sets, and what the form says about it."""
    entities = slots.pop("entities", None)
    tracker = tracker_of(
        text,
        intent,
        slots={"requested_slot": asked, **slots},
        entities=entities,  # type: ignore[arg-type]
    )
    events, messages = run_action(form, tracker)
    return {event["name"]: event["value"] for event in events if event["event"] == "slot"}, messages


LEAVE_STARTS = {
    "I want leave": {},
    "annual leave from 7 to 11 december": {
        "leave_kind": "annual", "start_date": "2026-12-07", "end_date": "2026-12-11",
    },
    "book me on the 24th of december off": {"start_date": "2026-12-24", "end_date": "2026-12-24"},
    "can I take friday off": {"start_date": "2026-11-27", "end_date": "2026-11-27"},
    "I am ill, put me down for sick leave today": {
        "leave_kind": "sick", "start_date": "2026-11-23",
    },
    "unpaid vacation from 1 march 2027": {"leave_kind": "unpaid", "start_date": "2027-03-01"},
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LEAVE_STARTS.items())
def test_leave_begins(checkpoint: OpenCheckpoint, text: str, expected: dict[str, str]) -> None:
    """What the first message gives is taken, everything older is forgotten."""
    old = {"leave_kind": "special", "start_date": "2026-01-01", "end_date": "2026-01-02"}
    slots, _ = heard(LeaveForm(), text, "request_leave", confirmed=True, **old)
    assert {**dict.fromkeys(LeaveForm.asks), **expected} == slots


LEAVE_ANSWERS = [
    ("leave_kind", "holiday please", {"leave_kind": "annual"}),
    ("start_date", "from 7 to 11 december", {"start_date": "2026-12-07", "end_date": "2026-12-11"}),
    ("start_date", "just the 7th of december", {"start_date": "2026-12-07"}),
    ("end_date", "11.12.", {"end_date": "2026-12-11"}),
    ("end_date", "same day", {"end_date": "2026-12-07"}),
    ("end_date", "3 days", {"end_date": "2026-12-09"}),
    ("end_date", "for a week", {"end_date": "2026-12-13"}),
    ("end_date", "friday", {"end_date": "2026-12-11"}),
    ("confirmed", "no, until 10 december", {"end_date": "2026-12-10"}),
    ("confirmed", "make it sick leave", {"leave_kind": "sick"}),
]


@pytest.mark.parametrize(("asked", "text", "expected"), LEAVE_ANSWERS)
def test_leave_answers(
    checkpoint: OpenCheckpoint, asked: str, text: str, expected: dict[str, str]
) -> None:
    """An answer fills what was asked and whatever else it names; a change withdraws the yes."""
    slots, messages = heard(LeaveForm(), text, asked=asked, start_date="2026-12-07")
    assert {**expected, "confirmed": None} == slots
    assert [] == messages


@pytest.mark.parametrize(
    ("text", "last"),
    [("wait, make it thursday", "2026-11-26"), ("no, from thursday", "2026-11-27")],
)
def test_one_day_is_corrected_to_another_one(
    checkpoint: OpenCheckpoint, text: str, last: str
) -> None:
    """Who asked for friday alone and then says thursday does not want both, unless they say from."""
    friday = {"start_date": "2026-11-27", "end_date": "2026-11-27", "leave_kind": "annual"}
    slots, _ = heard(LeaveForm(), text, asked="confirmed", **friday)
    assert "2026-11-26" == slots["start_date"]
    assert last == slots.get("end_date", "2026-11-27")


@pytest.mark.parametrize(
    ("asked", "text"),
    [("end_date", "4 december"), ("start_date", "3/8/2027"), ("start_date", "31 february")],
)
def test_leave_problems(checkpoint: OpenCheckpoint, asked: str, text: str) -> None:
    """What cannot be a day of this leave is said, and asked again."""
    slots, messages = heard(LeaveForm(), text, asked=asked, start_date="2026-12-07")
    assert {asked: None} == slots
    assert 1 == len(messages)


def test_leave_buttons(checkpoint: OpenCheckpoint) -> None:
    """A button gives its value by its entity, not by its payload's text."""
    slots, _ = heard(
        LeaveForm(), '/inform{"leave_kind":"sick"}', asked="leave_kind",
        entities={"leave_kind": "sick"},
    )  # fmt: skip
    assert "sick" == slots["leave_kind"]


@pytest.mark.parametrize("form", [LeaveForm, BankAccountForm, AddressForm])
def test_yes_and_no(checkpoint: OpenCheckpoint, form: type[DeskForm]) -> None:
    """Only yes and no answer the last question."""
    assert {"confirmed": True} == heard(form(), "yes", "affirm", asked="confirmed")[0]
    assert {"confirmed": False} == heard(form(), "no", "deny", asked="confirmed")[0]
    slots, messages = heard(form(), "hm", "nlu_fallback", asked="confirmed")
    assert ({"confirmed": None}, "utter_form_not_understood") == (slots, messages[0]["response"])


@pytest.mark.parametrize("form", [LeaveForm, BankAccountForm, AddressForm])
def test_a_yes_to_another_question_confirms_nothing(
    checkpoint: OpenCheckpoint, form: type[DeskForm]
) -> None:
    """A yes before the values were read back is no confirmation."""
    slots, _ = heard(form(), "yes", "affirm", asked=form.asks[0])
    assert True is not slots.get("confirmed")
    assert {form.asks[0]: None} == slots


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("intent", ["view_salary", "cancel", "greet", "resume_request", ""])
def test_another_request_is_left_to_the_rules(
    checkpoint: OpenCheckpoint, form: type[DeskForm], intent: str
) -> None:
    """A form does not swallow another request, whatever its text holds."""
    text = f"{IBAN} Lindenweg 12, 10115 Berlin from 7 to 11 december"
    assert ({}, []) == heard(form(), text, intent, asked=form.asks[0])


def test_iban_is_read_and_grouped(checkpoint: OpenCheckpoint) -> None:
    """An account number is found in a sentence and shown as on a bank statement."""
    slots, _ = heard(
        BankAccountForm(), "pay it to de89370400440532013000 please", "change_bank_account"
    )
    assert IBAN == slots["iban"]


@pytest.mark.parametrize(
    "text", ["DE89370400440532013001", "US1234567890123456", "12345678", "DE89 3704"]
)
def test_a_wrong_iban_is_asked_again(checkpoint: OpenCheckpoint, text: str) -> None:
    """A wrong account number is refused without being repeated."""
    slots, messages = heard(BankAccountForm(), text, asked="iban")
    assert {"iban": None} == slots
    assert text not in messages[0]["text"]


ADDRESS_ANSWERS = [
    ("street", "Lindenweg 12", {"street": "Lindenweg 12"}),
    (
        "street",
        "I moved to Am Alten Hafen 3a, 20457 Hamburg",
        {"street": "Am Alten Hafen 3a", "postcode": "20457", "city": "Hamburg"},
    ),
    (
        "confirmed",
        "no, it's Lindenweg 14, 10117 Berlin",
        {"street": "Lindenweg 14", "postcode": "10117", "city": "Berlin"},
    ),
    ("postcode", "it is 10115", {"postcode": "10115"}),
    ("city", "in Frankfurt (Oder)", {"city": "Frankfurt (Oder)"}),
]


@pytest.mark.parametrize(("asked", "text", "expected"), ADDRESS_ANSWERS)
def test_address_answers(
    checkpoint: OpenCheckpoint, asked: str, text: str, expected: dict[str, str]
) -> None:
    """An address is read in parts or in one line."""
    assert {**expected, "confirmed": None} == heard(AddressForm(), text, asked=asked)[0]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("street", "somewhere"),
        ("street", "1" * 500),
        ("postcode", "123"),
        ("postcode", "00000"),
        ("city", "10115"),
        ("city", "Ber\u202elin"),
    ],
)
def test_address_problems(checkpoint: OpenCheckpoint, asked: str, text: str) -> None:
    """What is no part of an address is said, and asked again."""
    slots, messages = heard(AddressForm(), text, asked=asked)
    assert {asked: None} == slots
    assert 1 == len(messages)


def test_incident_in_the_first_message(checkpoint: OpenCheckpoint) -> None:
    """A first message that tells what happened is the report; one that announces it is not."""
    told = "my laptop was stolen on the train"
    slots, _ = heard(IncidentForm(), told, "report_security_incident")
    assert {"incident_description": told} == slots
    slots, _ = heard(IncidentForm(), "I want to report an incident", "report_security_incident")
    assert {"incident_description": None} == slots


@pytest.mark.parametrize("intent", ["inform", "nlu_fallback", "out_of_scope"])
def test_incident_in_own_words(checkpoint: OpenCheckpoint, intent: str) -> None:
    """A report is taken however odd its words are."""
    told = "the toaster in the kitchen talks to Russia"
    slots, _ = heard(IncidentForm(), told, intent, asked="incident_description")
    assert {"incident_description": told} == slots


@pytest.mark.parametrize("form", FORMS)
def test_nobody_unknown_fills_a_form(checkpoint: OpenCheckpoint, form: type[DeskForm]) -> None:
    """Without an assertion a form hears nothing and says why."""
    tracker = tracker_of(IBAN, "inform", slots={"requested_slot": form.asks[0]}, token=None)
    events, messages = run_action(form(), tracker)
    assert [(form.asks[0], None)] == [(event["name"], event["value"]) for event in events]
    assert "utter_refused_not_signed_in" == messages[0]["response"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.text(max_size=400),
    form=st.sampled_from(FORMS),
    position=st.integers(0, 3),
    intent=st.sampled_from(["inform", "affirm", "deny", "nlu_fallback", "out_of_scope"]),
    kept=st.one_of(st.none(), st.text(max_size=20), st.just("2026-12-07")),
)
def test_no_text_breaks_a_form(
    checkpoint: OpenCheckpoint,
    text: str,
    form: type[DeskForm],
    position: int,
    intent: str,
    kept: str,
) -> None:
    """Whatever is typed, a form answers with its own slots and never fails."""
    asked = form.asks[min(position, len(form.asks) - 1)]
    slots, messages = heard(
        form(),
        text,
        intent,
        asked=asked,
        start_date=kept,
        entities={"iban": text, "leave_kind": text},
    )
    assert set(slots) <= set(form.asks)
    assert "utter_refused_unavailable" not in {message["response"] for message in messages}

"""Whole dialogues: the real rules, forms and actions of the assistant, with Rasa deciding.

Language understanding is left out: each message says what it means. Only the rules and stories are
trained, once for the module.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

from actions.records.interface import SystemOfRecord
from gatehouse.dialogue.in_process import InProcessActions
from gatehouse.identity.assertions import METADATA_KEY
from tests.unit.actions.conftest import ERIN, MARCO, TODAY, OpenCheckpoint

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[3]
CONFIG = """
recipe: default.v1
language: en
assistant_id: rehearsal
policies:
  - name: MemoizationPolicy
  - name: RulePolicy
"""
IBAN = "DE89 3704 0044 0532 0130 00"

Talk = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of the rules and stories alone."""
    from rasa.model_training import train  # warns while it is imported

    home = tmp_path_factory.mktemp("model")
    (home / "config.yml").write_text(CONFIG)
    result = train(
        domain=str(ROOT / "domain.yml"),
        config=str(home / "config.yml"),
        training_files=[str(ROOT / "data" / "rules"), str(ROOT / "data" / "stories")],
        output=str(home),
    )
    assert result.model
    return str(result.model)


@pytest.fixture
def talk(model: str, checkpoint: OpenCheckpoint, records: SystemOfRecord) -> Talk:
    """Says a text that means an intent; gives what the assistant answers."""
    agent = Agent.load(model, action_endpoint=InProcessActions())
    count = iter(range(1, 1000))

    def say(text: str, intent: str, **entities: str) -> str:
        channel = CollectingOutputChannel()
        metadata = {METADATA_KEY: f"signed-{next(count)}"}
        message = UserMessage(text, channel, "c1", metadata=metadata)
        message.parse_data = {  # type: ignore[attr-defined]
            "text": text,
            "intent": {"name": intent, "confidence": 1.0},
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "intent_ranking": [
                {"name": intent, "confidence": 0.4},
                {"name": "view_salary", "confidence": 0.3},
            ],
        }
        asyncio.run(agent.handle_message(message))
        return "\n".join(str(sent.get("text", "")) for sent in channel.messages)

    return say


def test_leave_with_a_question_in_between(talk: Talk, records: SystemOfRecord) -> None:
    """A form is interrupted by a question, answers it, goes on, and books what was confirmed."""
    assert "Which kind" in talk("I want leave", "request_leave")
    assert "first day" in talk("annual leave", "inform", leave_kind="annual")
    answer = talk("how much is left", "view_leave_balance")
    assert "annual leave left" in answer and answer.endswith('"from 3 to 7 August".')
    assert "5 working days" in talk("from 7 to 11 december", "inform")
    assert "4 working days" in talk("no, until 10 december", "deny")
    done = talk("yes", "affirm")
    assert records.leave_requests(ERIN)[0].request_id in done
    assert 4 == records.leave_requests(ERIN)[0].working_days
    assert "nothing open" in talk("yes", "affirm")


def test_leave_declined(talk: Talk, records: SystemOfRecord) -> None:
    """A no at the confirmation books nothing and forgets everything."""
    before = records.leave_requests(ERIN)
    talk("annual leave from 7 to 11 december", "request_leave")
    assert "Nothing was changed" in talk("no", "deny")
    assert before == records.leave_requests(ERIN)
    assert "Which kind" in talk("I want leave", "request_leave")


def test_a_form_is_cancelled(talk: Talk) -> None:
    """Cancelling leaves the form; the next message is not taken for its answer."""
    talk("change my account", "change_bank_account")
    assert "Nothing was changed" in talk("cancel", "cancel")
    assert "not sure what that belongs to" in talk(IBAN, "inform", iban=IBAN)


def test_an_abandoned_form_leaves_nothing_behind(talk: Talk) -> None:
    """Values of a form that another one replaced are asked for again."""
    assert IBAN in talk(f"pay to {IBAN}", "change_bank_account", iban=IBAN)
    assert "street" in talk("I moved", "change_address")
    talk("cancel", "cancel")
    assert "give me the IBAN" in talk("change my account", "change_bank_account")


def test_a_code_comes_between_yes_and_the_change(
    talk: Talk, checkpoint: OpenCheckpoint, records: SystemOfRecord
) -> None:
    """With a code due, a yes changes nothing yet and the values stay until it is done."""
    checkpoint.with_code.add("change_bank_account")
    before = records.bank_account(ERIN, TODAY)
    talk(f"pay to {IBAN}", "change_bank_account", iban=IBAN)
    assert "confirm with a code" in talk("yes", "affirm")
    assert ("change_bank_account", {"iban": IBAN}) == checkpoint.asked[0][:2]
    assert "pay day" in talk("when is pay day", "view_next_pay_date")
    assert before == records.bank_account(ERIN, TODAY)


def test_the_values_of_a_pending_change_are_not_confirmed_for_the_next(
    talk: Talk, checkpoint: OpenCheckpoint
) -> None:
    """A yes that waits for its code does not count for a change that is begun afterwards."""
    checkpoint.with_code.add("change_bank_account")
    talk(f"pay to {IBAN}", "change_bank_account", iban=IBAN)
    talk("yes", "affirm")
    assert "give me the IBAN" in talk("change my account", "change_bank_account")
    assert "Is that right?" in talk(IBAN, "inform", iban=IBAN)


def test_a_month_answers_the_question(talk: Talk) -> None:
    """A bare month belongs to the payslip that was asked about, and only to that."""
    assert "not sure" in talk("october", "inform", period="october")
    assert "Which month" in talk("my payslip", "view_payslip")
    assert "payslip for October 2026" in talk("october", "inform", period="october")
    assert "payslip for September 2026" in talk("and september", "inform", period="september")
    assert "Which month" in talk("my payslip", "view_payslip")
    talk("hello", "greet")
    assert "not sure" in talk("october", "inform", period="october")


def test_a_yes_changes_the_plan_that_was_shown(talk: Talk, records: SystemOfRecord) -> None:
    """A yes counts once, for the plan that was shown, and not after a no."""
    assert "Shall I change it?" in talk("premium", "change_health_plan", health_plan="premium")
    assert "nothing was changed" in talk("no", "deny")
    assert "nothing open" in talk("yes", "affirm")
    assert None is records.health_cover(ERIN, TODAY).next_plan
    talk("premium", "change_health_plan", health_plan="premium")
    assert "Done." in talk("yes", "affirm")
    assert "nothing open" in talk("yes", "affirm")


def test_leave_is_approved_after_it_was_shown(
    talk: Talk, checkpoint: OpenCheckpoint, records: SystemOfRecord
) -> None:
    """Naming a person shows the request; the yes approves it."""
    checkpoint.employee_id = MARCO
    waiting = len(records.pending_requests_of_team(MARCO))
    assert "Shall I approve it?" in talk("tomasz", "approve_leave", person="Tomasz Wrobelski")
    assert waiting == len(records.pending_requests_of_team(MARCO))
    assert "Approved:" in talk("yes", "affirm")
    assert waiting - 1 == len(records.pending_requests_of_team(MARCO))


def test_a_refused_leave_request_is_not_approved_by_a_yes(
    talk: Talk, checkpoint: OpenCheckpoint, records: SystemOfRecord
) -> None:
    """A "reject" is answered with what is not possible here; a yes after it confirms nothing."""
    checkpoint.employee_id = MARCO
    waiting = records.pending_requests_of_team(MARCO)
    named = {"person": "Tomasz Wrobelski"}
    assert "cannot refuse" in talk("reject the leave of tomasz", "approve_leave", **named)
    assert "nothing open" in talk("yes", "affirm")
    assert "Shall I approve it?" in talk("tomasz", "approve_leave", **named)
    assert "cannot refuse" in talk("reject it", "approve_leave")
    assert "nothing open" in talk("yes", "affirm")
    assert waiting == records.pending_requests_of_team(MARCO)


def test_the_question_of_a_form_is_repeated_once(talk: Talk) -> None:
    """In a form, what was the question is said one time."""
    question = talk("change my account", "change_bank_account")
    assert question == talk("what was the question", "repeat")
    assert question == talk("again", "repeat")


def test_an_unclear_message_is_asked_back_twice(talk: Talk) -> None:
    """First the likeliest requests, then a hand-over; a choice is answered at once."""
    assert "Do you mean" in talk("hrmpf", "nlu_fallback")
    assert "HR desk can help" in talk("hrmpf", "nlu_fallback")
    assert "Do you mean" in talk("hrmpf", "nlu_fallback")
    assert "pay day" in talk("/view_next_pay_date", "view_next_pay_date")


def test_nothing_unclear_ends_a_form(talk: Talk) -> None:
    """An unclear message inside a form is asked again, and the form goes on."""
    talk("change my account", "change_bank_account")
    answer = talk("hrmpf", "nlu_fallback")
    assert 'say "cancel"' in answer and "give me the IBAN" in answer
    assert IBAN in talk(IBAN, "inform", iban=IBAN)


def test_an_incident_is_reported(talk: Talk, records: SystemOfRecord) -> None:
    """A report needs no confirmation and says its case."""
    talk("report an incident", "report_security_incident")
    answer = talk("my laptop was stolen on the train", "out_of_scope")
    assert re.search(r"case C-[0-9]+", answer)
    assert 1 == len(records.cases(ERIN))


def test_what_was_said_is_repeated_unless_protected(talk: Talk) -> None:
    """The pay day is said again, a salary is not."""
    first = talk("when is pay day", "view_next_pay_date")
    assert first == talk("repeat", "repeat")
    salary = talk("salary", "view_salary")
    assert "€" in salary and "€" not in talk("repeat", "repeat")


def test_a_resumption_without_a_code_is_refused(talk: Talk) -> None:
    """Should no dialogue policy resume a request, the rule refuses."""
    assert "not something I may do" in talk("/resume_request", "resume_request")


def test_every_message_type_ends_the_turn(talk: Talk, model: str) -> None:
    """Every intent of the domain gets an answer, whatever came before."""
    agent: Any = Agent.load(model)
    assert agent.domain is not None
    silent = {"session_start", "back", "restart"}
    for intent in sorted(set(agent.domain.intents) - silent):
        if intent not in {"view_stored_data", "export_stored_data", "erase_stored_data"}:
            assert talk(f"/{intent}", intent), intent
        if f"{intent}_form" in agent.domain.form_names:
            talk("cancel", "cancel")

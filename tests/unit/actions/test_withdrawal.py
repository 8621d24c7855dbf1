"""Taking back a leave request: the one that was shown, one's own, and only while it waits."""

from __future__ import annotations

from datetime import date

import pytest

from actions.leave import ViewLeaveStatus
from actions.leave_withdrawal import WithdrawLeave
from actions.records.interface import Conflict, LeaveRequest, RecordNotFound, SystemOfRecord
from gatehouse.dialogue.turn import Ask, Reply
from tests.unit.actions.conftest import ERIN, MARCO, NOW, TODAY, turn

FIRST, SECOND = date(2026, 12, 7), date(2026, 12, 14)


def asked(records: SystemOfRecord, start: date, key: str) -> LeaveRequest:
    return records.request_leave(ERIN, "annual", start, start, key, NOW)


def said(reply: Reply) -> str:
    return "\n".join(message.text or "" for message in reply.messages)


def test_it_is_shown_before_it_is_taken_back(records: SystemOfRecord) -> None:
    """The first answer only asks; a yes takes back that request and gives its day back."""
    made = asked(records, FIRST, "a" * 20)
    before = records.leave_balance(ERIN, TODAY).available
    question = WithdrawLeave().perform(turn(text="withdraw my leave"))
    assert made.request_id in said(question)
    assert "pending" == records.leave_requests(ERIN)[0].status
    slots = {**question.slots, "approval": "yes"}
    done = WithdrawLeave().perform(turn(text="yes", slots=slots, key="b" * 20))
    assert "is withdrawn" in said(done)
    assert "withdrawn" == records.leave_requests(ERIN)[0].status
    assert before + 1 == records.leave_balance(ERIN, TODAY).available
    assert f"{made.request_id}, annual leave, 7 December 2026: withdrawn" in said(
        ViewLeaveStatus().perform(turn())
    )


def test_a_yes_without_a_question_takes_back_nothing(records: SystemOfRecord) -> None:
    """A yes counts for the request that was shown, and none was."""
    asked(records, FIRST, "a" * 20)
    WithdrawLeave().perform(turn(text="yes", slots={"approval": "yes"}))
    assert "pending" == records.leave_requests(ERIN)[0].status


def test_one_of_several_is_chosen(records: SystemOfRecord) -> None:
    """Several requests are offered as buttons, and a day or a number narrows them down."""
    first, second = asked(records, FIRST, "a" * 20), asked(records, SECOND, "b" * 20)
    offered = WithdrawLeave().perform(turn(text="withdraw my leave"))
    assert 2 == len(offered.messages[0].buttons)
    assert offered.slots["shown_request"] is None
    by_day = said(WithdrawLeave().perform(turn(text="cancel my leave on 14 december")))
    assert second.request_id in by_day and first.request_id not in by_day
    by_number = said(WithdrawLeave().perform(turn(text=f"withdraw {first.request_id}")))
    assert first.request_id in by_number and second.request_id not in by_number


def test_approved_leave_stays(records: SystemOfRecord) -> None:
    """Approved leave is not taken back, and the person hears who can do it."""
    with pytest.raises(Ask, match="approved already"):
        WithdrawLeave().perform(turn(text="cancel my leave in february"))


def test_only_ones_own_and_only_while_it_waits(records: SystemOfRecord) -> None:
    """Somebody else's request looks like none; one that was decided is not undone."""
    made = asked(records, FIRST, "a" * 20)
    with pytest.raises(RecordNotFound):
        records.withdraw_leave(MARCO, made.request_id, "b" * 20, NOW)
    records.approve_leave(MARCO, made.request_id, "c" * 20, NOW)
    with pytest.raises(Conflict):
        records.withdraw_leave(ERIN, made.request_id, "d" * 20, NOW)


def test_the_manager_sees_it_no_more(records: SystemOfRecord) -> None:
    """A request that was taken back waits for nobody and blocks no other days."""
    made = asked(records, FIRST, "a" * 20)
    records.withdraw_leave(ERIN, made.request_id, "b" * 20, NOW)
    assert made.request_id not in {
        one.request_id for one in records.pending_requests_of_team(MARCO)
    }
    assert "pending" == asked(records, FIRST, "c" * 20).status

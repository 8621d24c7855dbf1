"""Asking for a code and answering."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.settings import StepUp as StepUpSettings
from gatehouse.stepup import Challenge, ChallengeRefused, StepUp
from gatehouse.stepup.binding import Tags
from gatehouse.stepup.challenges import Challenges
from gatehouse.stepup.schema import challenges, grants, metadata
from gatehouse.stepup.throttle import IN_A_ROW

from .conftest import CONVERSATION, KEY, PERSON, RESUME, SESSION, VALUES, Desk, open_desk


def refusal(desk: Desk, challenge: Challenge, code: object) -> ChallengeRefused:
    with pytest.raises(ChallengeRefused) as refused:
        desk.answer(challenge, code)
    return refused.value


def dump_of(engine: Engine) -> str:
    with engine.connect() as connection:
        return "\n".join(connection.connection.iterdump())


def cells_of(engine: Engine) -> list[str]:
    """Every value of every table, as text."""
    with engine.connect() as connection:
        rows = [
            row for table in metadata.sorted_tables for row in connection.execute(table.select())
        ]
    return [str(cell) for row in rows for cell in row]


def test_a_request_waits_with_everything_it_is_about(desk: Desk) -> None:
    """What waits is what was asked, with its prompt, its way to go on and five tries."""
    challenge = desk.ask()
    assert challenge == desk.step_up.pending(CONVERSATION)
    expected = ("view_payslip", VALUES, "show your payslip for October 2026", RESUME, 5, 300.0)
    assert expected == (
        challenge.intent,
        challenge.values,
        challenge.prompt,
        challenge.resume,
        challenge.attempts_left,
        challenge.expires_at - challenge.created_at,
    )


def test_a_good_code_gives_the_grant(desk: Desk) -> None:
    """The grant is for the intent and values that were asked for, and nothing waits any more."""
    grant = desk.answer(desk.ask(), desk.code())
    assert ("view_payslip", VALUES, RESUME) == (grant.intent, grant.values, grant.resume)
    assert desk.step_up.pending(CONVERSATION) is None


def test_wrong_codes_are_counted_down_in_words(desk: Desk) -> None:
    """Each wrong code says how many tries are left; the last cancels the request."""
    challenge = desk.ask()
    answers = []
    for number in range(5):
        answers.append(refusal(desk, challenge, desk.wrong(number)))
        desk.clock.advance(8)
    assert ["wrong"] * 4 + ["too_many"] == [answer.reason for answer in answers]
    assert [4, 3, 2, 1, 0] == [answer.attempts_left for answer in answers]
    assert "That code was not right. 4 tries left." == answers[0].message
    assert "That code was not right. 1 try left." == answers[3].message
    assert "cancelled" in answers[4].message
    assert [False] * 4 + [True] == [answer.closed for answer in answers]


def test_after_too_many_codes_the_right_one_is_too_late(desk: Desk) -> None:
    """A cancelled request is not confirmed by a good code, which is not even used up."""
    challenge = desk.ask()
    for number in range(5):
        refusal(desk, challenge, desk.wrong(number))
        desk.clock.advance(8)
    assert desk.step_up.pending(CONVERSATION) is None
    assert "too_many" == refusal(desk, challenge, desk.code()).reason
    desk.clock.advance(16)
    assert desk.answer(desk.ask(), desk.code())


def test_a_malformed_code_costs_no_try(desk: Desk) -> None:
    """What cannot be a code is answered with what a code looks like; nothing is counted."""
    challenge = desk.ask()
    for text in ("12345", "hello", "", None, "1" * 5000, "\uff11\uff12\uff13"):
        answer = refusal(desk, challenge, text)
        assert ("malformed", 5, False) == (answer.reason, answer.attempts_left, answer.closed)
    assert desk.answer(challenge, f" {desk.code()[:3]} {desk.code()[3:]} ")


def test_a_request_expires(desk: Desk) -> None:
    """After five minutes, to the second, in words; the code is not used up."""
    challenge = desk.ask()
    desk.clock.advance(299)
    assert challenge == desk.step_up.pending(CONVERSATION)
    desk.clock.advance(1)
    assert desk.step_up.pending(CONVERSATION) is None
    answer = refusal(desk, challenge, desk.code())
    assert ("expired", True) == (answer.reason, answer.closed)
    assert "waited too long" in answer.message
    assert desk.answer(desk.ask(), desk.code())


@pytest.mark.parametrize("look", ["pending", "answer", "sweep"])
def test_a_clock_that_goes_back_revives_no_request(desk: Desk, look: str) -> None:
    """Seen or swept as expired once, expired for good."""
    challenge = desk.ask()
    desk.clock.advance(300)
    if look == "pending":
        desk.step_up.pending(CONVERSATION)
    elif look == "answer":
        refusal(desk, challenge, desk.code())
    else:
        desk.step_up.expire()
    desk.clock.advance(-299)
    assert desk.step_up.pending(CONVERSATION) is None
    assert "expired" == refusal(desk, challenge, desk.code()).reason


def test_a_request_from_the_future_is_over(desk: Desk) -> None:
    """When the clock fell far behind its creation nobody knows how old a request is."""
    challenge = desk.ask()
    desk.clock.advance(-60)
    assert challenge == desk.step_up.pending(CONVERSATION)
    desk.clock.advance(-1)
    assert desk.step_up.pending(CONVERSATION) is None


def test_a_second_request_takes_the_place_of_the_first(desk: Desk) -> None:
    """The first is void, says so, and its code confirms only the second."""
    first = desk.ask()
    second = desk.ask(intent="view_salary", values={})
    assert second == desk.step_up.pending(CONVERSATION)
    answer = refusal(desk, first, desk.code())
    assert ("unknown", "A newer request took the place of this one.") == (
        answer.reason,
        answer.message,
    )
    assert "view_salary" == desk.answer(second, desk.code()).intent


def test_conversations_wait_independently(desk: Desk) -> None:
    """A request in another tab's conversation voids nothing here."""
    here, there = desk.ask(), desk.ask(session="6" * 32, conversation="d" * 32)
    assert here == desk.step_up.pending(CONVERSATION)
    assert there == desk.step_up.pending("d" * 32)


def test_cancelling_stops_the_wait(desk: Desk) -> None:
    """A cancelled request is over at once; cancelling again does nothing."""
    challenge = desk.ask()
    cancel = (challenge.id, SESSION, CONVERSATION)
    assert [True, False] == [desk.step_up.cancel(*cancel), desk.step_up.cancel(*cancel)]
    assert desk.step_up.pending(CONVERSATION) is None
    assert "This request was cancelled." in refusal(desk, challenge, desk.code()).message
    assert ["step_up_requested", "step_up_cancelled", "step_up_refused"] == desk.audit.kinds


@pytest.mark.parametrize(
    ("session", "conversation"), [("6" * 32, CONVERSATION), (SESSION, "d" * 32), ("", "")]
)
def test_nobody_else_can_answer_or_cancel(desk: Desk, session: str, conversation: str) -> None:
    """Another session or conversation does not even learn that the request exists."""
    challenge = desk.ask()
    with pytest.raises(ChallengeRefused) as refused:
        desk.step_up.answer(challenge.id, session, conversation, desk.code())
    with pytest.raises(ChallengeRefused) as made_up:
        desk.step_up.answer("0" * 32, session, conversation, desk.code())
    assert ("unknown", made_up.value.message) == (refused.value.reason, refused.value.message)
    assert not desk.step_up.cancel(challenge.id, session, conversation)
    assert challenge == desk.step_up.pending(CONVERSATION)


def test_a_code_of_somebody_else_is_wrong(desk: Desk) -> None:
    """The code of another person's authenticator confirms nothing."""
    desk.totp.set_demo_secret("p-ffffffffffff", "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")
    challenge = desk.ask(person="p-ffffffffffff")
    assert "wrong" == refusal(desk, challenge, desk.code()).reason


def test_answering_twice_is_answered_kindly(desk: Desk) -> None:
    """A double click gets one grant and the sentence that the request is confirmed."""
    challenge = desk.ask()
    desk.answer(challenge, desk.code())
    answer = refusal(desk, challenge, desk.code())
    assert ("unknown", "This request is confirmed already.") == (answer.reason, answer.message)


def test_the_session_that_used_a_code_is_told_so(desk: Desk) -> None:
    """Repeating one's own code says that it was used and what to do."""
    desk.answer(desk.ask(), desk.code())
    answer = refusal(desk, desk.ask(), desk.code())
    assert "replayed" == answer.reason
    assert "That code was already used. Wait for the next one. 4 tries left." == answer.message
    desk.clock.advance(30)
    assert desk.answer(desk.ask(), desk.code())


def test_nobody_else_learns_that_a_code_was_used(desk: Desk) -> None:
    """Another session that repeats a seen code gets the answer of a wrong one; the log does not."""
    desk.answer(desk.ask(), desk.code())
    elsewhere = desk.ask(session="6" * 32, conversation="d" * 32)
    replayed, wrong = (
        refusal(desk, elsewhere, desk.code()),
        refusal(desk, elsewhere, desk.wrong()),
    )
    assert ("wrong", "That code was not right. 4 tries left.") == (
        replayed.reason,
        replayed.message,
    )
    assert "That code was not right. 3 tries left." == wrong.message
    reasons = [facts["reason"] for kind, facts in desk.audit.entries if kind == "step_up_failed"]
    assert ["replayed", "wrong"] == reasons


def test_without_an_authenticator_there_is_a_way_to_go(desk: Desk) -> None:
    """A person who never enrolled is told so, and no code is good."""
    desk.totp.remove(PERSON)
    answer = refusal(desk, desk.ask(), desk.code())
    assert ("not_enrolled", True) == (answer.reason, answer.closed)


def test_guessing_is_slowed_down_across_requests(desk: Desk) -> None:
    """Asking anew gives new tries but no new speed; waiting as told helps."""
    for number in range(IN_A_ROW.free + 1):
        refusal(desk, desk.ask(), desk.wrong(number))
    challenge = desk.ask()
    answer = refusal(desk, challenge, desk.code())
    assert ("throttled", 1.0, 5) == (answer.reason, answer.retry_after, answer.attempts_left)
    assert "Wait 1 second, then try again." in answer.message
    desk.clock.advance(1)
    assert desk.answer(challenge, desk.code())


def test_a_good_code_clears_the_count(desk: Desk) -> None:
    """Mistakes before a good code are forgiven."""
    for _ in range(5):
        challenge = desk.ask()
        for number in range(IN_A_ROW.free):
            assert "wrong" == refusal(desk, challenge, desk.wrong(number)).reason
        assert desk.answer(challenge, desk.code())
        desk.clock.advance(30)


def test_codes_are_locked_after_fifty_wrong_ones(desk: Desk) -> None:
    """However patient, a guesser has 50 tries; then not even a good code helps."""
    looked_at, number = 0, 0
    while looked_at < 200 and number < 2000:
        answer = refusal(desk, desk.ask(), desk.wrong(number))
        looked_at += answer.reason in {"wrong", "too_many"}
        number += 1
        desk.clock.advance(IN_A_ROW.longest)
        if answer.reason == "locked":
            break
    assert (50, "locked") == (looked_at, refusal(desk, desk.ask(), desk.code()).reason)


def test_a_new_authenticator_lifts_the_lock(desk: Desk) -> None:
    """The lock belongs to the authenticator; enrolling another one starts afresh."""
    for number in range(60):
        refusal(desk, desk.ask(), desk.wrong(number))
        desk.clock.advance(IN_A_ROW.longest)
    desk.totp.remove(PERSON)
    desk.totp.authenticators.forget_account(PERSON)
    desk.totp.set_demo_secret(PERSON, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert desk.answer(desk.ask(), desk.code())


def test_one_persons_mistakes_do_not_slow_another(desk: Desk) -> None:
    """Counters are per authenticator."""
    desk.totp.set_demo_secret("p-ffffffffffff", "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")
    for number in range(10):
        refusal(desk, desk.ask(person="p-ffffffffffff"), desk.wrong(number))
    assert desk.answer(desk.ask(), desk.code())


def test_a_late_or_repeated_code_still_has_a_place_to_go(desk: Desk) -> None:
    """For ten minutes the channel can tell what a typed code was meant for."""
    challenge = desk.ask()
    assert challenge.id == desk.step_up.latest_id(CONVERSATION)
    desk.answer(challenge, desk.code())
    assert challenge.id == desk.step_up.latest_id(CONVERSATION)
    newer = desk.ask()
    assert newer.id == desk.step_up.latest_id(CONVERSATION)
    desk.clock.advance(601)
    assert desk.step_up.latest_id(CONVERSATION) is None


def test_codes_prompts_and_ids_are_not_in_the_database(desk: Desk) -> None:
    """Nothing of what was asked, by whom, or with which code can be read from the tables."""
    challenge = desk.ask(values={"iban": "DE89370400440532013000"})
    wrong, good = desk.wrong(), desk.code()
    refusal(desk, challenge, wrong)
    desk.answer(challenge, good)
    dump = dump_of(desk.engine)
    hidden = ["DE8937", "payslip", SESSION, CONVERSATION, "October"]
    hidden += [text.encode().hex() for text in hidden]
    assert [] == [text for text in hidden if text.lower() in dump.lower()]
    assert set() == {wrong, good} & set(cells_of(desk.engine))


def test_challenges_and_grants_print_nothing_private(desk: Desk) -> None:
    """One that ends up in a log line by mistake shows no value, prompt or id of anybody."""
    challenge = desk.ask()
    printed = repr((challenge, challenge.subject, desk.answer(challenge, desk.code())))
    hidden = ["October", PERSON, SESSION, CONVERSATION, "period"]
    assert [] == [text for text in hidden if text in printed]


def test_codes_are_not_in_the_audit_log(desk: Desk) -> None:
    """No entry holds a code or a bound value."""
    challenge = desk.ask(values={"iban": "DE89370400440532013000"})
    codes = [desk.wrong(), desk.code()]
    refusal(desk, challenge, codes[0])
    desk.answer(challenge, codes[1])
    written = repr(desk.audit.entries)
    assert [] == [text for text in (*codes, "DE89", "October") if text in written]


def test_what_a_request_was_about_is_erased_when_it_ends(desk: Desk) -> None:
    """Passed, cancelled, replaced and expired challenges keep no sealed content."""
    desk.answer(desk.ask(), desk.code())
    cancelled = desk.ask()
    desk.step_up.cancel(cancelled.id, SESSION, CONVERSATION)
    desk.ask()
    desk.ask()
    desk.clock.advance(300)
    desk.step_up.pending(CONVERSATION)
    with desk.engine.connect() as connection:
        rows = connection.execute(sa.select(challenges.c.state, challenges.c.sealed)).all()
    assert ["cancelled", "expired", "passed", "replaced"] == sorted(row.state for row in rows)
    assert {b""} == {row.sealed for row in rows}


@pytest.mark.parametrize(
    "change",
    [
        {"person_tag": "0" * 64},
        {"expires_at": 2e9},
        {"created_at": 1_800_000_001.0},
        {"sealed": b"\x01\x01" + bytes(200)},
    ],
)
def test_an_edited_challenge_does_not_open(desk: Desk, change: dict[str, object]) -> None:
    """Whoever can write the table cannot prolong a request or make it somebody else's."""
    challenge = desk.ask()
    with desk.engine.begin() as connection:
        connection.execute(challenges.update().values(**change))
    with pytest.raises(IntegrityError):
        desk.step_up.pending(CONVERSATION)
    with pytest.raises(IntegrityError):
        desk.answer(challenge, desk.code())


def test_a_sweep_deletes_what_is_long_over(desk: Desk) -> None:
    """An hour after its end nothing of a challenge or grant is left; open ones stay."""
    desk.answer(desk.ask(), desk.code())
    desk.clock.advance(300 + 3600)
    waiting = desk.ask()
    assert 2 == desk.step_up.expire()
    assert waiting == desk.step_up.pending(CONVERSATION)


@pytest.mark.parametrize("what", ["session", "conversation"])
def test_forgetting_voids_challenges_and_grants(desk: Desk, what: str) -> None:
    """After sign-out or erasure nothing waits and no grant is left."""
    desk.answer(desk.ask(), desk.code())
    desk.ask()
    forgotten = (
        desk.step_up.forget_session(SESSION)
        if what == "session"
        else desk.step_up.forget_conversation(CONVERSATION)
    )
    assert 3 == forgotten
    with desk.engine.connect() as connection:
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (challenges, grants)
        ]
    assert [0, 0] == counts


@pytest.mark.parametrize("seconds", [0, 301, 86400])
def test_requests_cannot_be_configured_to_wait_longer(desk: Desk, seconds: int) -> None:
    """Five minutes are the most; a longer setting stops the start."""
    settings = StepUpSettings(challenge=seconds, attempts=5, totp_back=1)
    with pytest.raises(InvalidInput, match=r"step_up\.challenge"):
        StepUp(desk.engine, desk.clock, settings, KEY, desk.totp)


@pytest.mark.parametrize("values", [{"iban": "\ud800"}, {"a": "x" * 1001}, {"a": None}])
def test_what_cannot_be_bound_is_not_asked(desk: Desk, values: dict[str, str]) -> None:
    """A value that cannot be bound opens no challenge and leaves no entry."""
    with pytest.raises(InvalidInput):
        desk.ask(values=values)
    assert ([], None) == (desk.audit.kinds, desk.step_up.pending(CONVERSATION))


def test_a_single_try_can_be_configured(engine: Engine, clock: SettableClock) -> None:
    """With one attempt the first wrong code cancels, and the first right one passes."""
    desk = open_desk(engine, clock, StepUpSettings(challenge=60, attempts=1, totp_back=0))
    assert "too_many" == refusal(desk, desk.ask(), desk.wrong()).reason
    assert desk.answer(desk.ask(), desk.code())


def test_tries_are_taken_one_by_one_and_no_more(desk: Desk) -> None:
    """The statement that takes a try stops at zero by itself, whatever was read before."""
    challenges_of = Challenges(desk.engine, desk.clock, KEY, Tags(KEY), 300, 3)
    waiting = challenges_of.open(desk.ask().subject)
    with desk.engine.begin() as connection:
        taken = [challenges_of.take_attempt(connection, waiting.id) for _ in range(5)]
    assert [2, 1, 0, None, None] == taken


@pytest.mark.parametrize("end", ["cancelled", "expired", "replaced", "passed"])
def test_a_request_that_ended_meanwhile_is_not_claimed(desk: Desk, end: str) -> None:
    """Between a good code and its grant the request may end; then there is no grant."""
    challenges_of = Challenges(desk.engine, desk.clock, KEY, Tags(KEY), 300, 5)
    waiting = desk.ask()
    if end == "cancelled":
        challenges_of.cancel(waiting.id)
    elif end == "replaced":
        desk.ask()
    elif end == "passed":
        assert challenges_of.claim(waiting.id, 1)
    else:
        desk.clock.advance(300)
    assert not challenges_of.claim(waiting.id, 2)


def test_the_wait_after_many_codes_is_said_plainly() -> None:
    """One sentence for what happened, one for what to do."""
    refused = ChallengeRefused("throttled", retry_after=30)
    assert refused.message.startswith("That was a lot of codes in a short time. Wait ")

"""Codes are taken out before Rasa, and what was asked goes on by itself."""

from __future__ import annotations

import pytest

from gatehouse.channel.turns import (
    CANCELLED,
    ENTER_CODE,
    NOT_CANCELLED,
    NOTHING_WAITS,
    SEVERAL_CODES,
)
from tests.unit.channel.harness import Site, say


@pytest.fixture
def asking(site: Site) -> Site:
    site.agent.script = site.asks_for_code
    return site


def heard(site: Site) -> list[str]:
    return [str(message.text) for message in site.agent.heard]


def test_the_request_waits_and_then_goes_on(asking: Site) -> None:
    """The prompt repeats the values; a good code resumes the intent with its entities."""
    client = asking.signed_in()
    challenge = say(client, "show my payslip").json()["challenge"]
    assert "show your payslip for October 2026" == challenge["prompt"]
    assert (300, 5) == (challenge["expires_in"], challenge["attempts_left"])
    assert challenge == client.get("/api/v1/challenge").json()["challenge"]
    answer = client.post(
        f"/api/v1/challenges/{challenge['id']}", json={"id": "code-0001", "code": asking.code()}
    ).json()
    assert ("Your net pay was 2 431.07 EUR.", True, None) == (
        answer["messages"][0]["text"],
        answer["accepted"],
        answer["challenge"],
    )
    assert ["show my payslip", '/view_payslip{"period": ["October 2026"]}'] == heard(asking)


def test_the_history_shows_words_for_the_resumed_request(asking: Site) -> None:
    """No command and no code appears in it."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    say(client, asking.code(), "message-2")
    shown = client.get("/api/v1/history").json()["messages"]
    assert ["person", "bot", "note", "bot"] == [item["from"] for item in shown]
    assert not [item for item in shown if "/" in item["text"] or asking.code() in item["text"]]


@pytest.mark.parametrize("form", ["{}", "my code is {}", "here: {}!", "ok so use {} please"])
def test_a_typed_code_never_reaches_rasa(asking: Site, form: str) -> None:
    """However it is put into words while a request waits."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    code = asking.code()
    assert say(client, form.format(code), "message-2").json()["accepted"] is True
    assert not [text for text in heard(asking) if code in text]


def test_a_wrong_code_is_counted_and_stays_out(asking: Site) -> None:
    """The request goes on waiting with one try less."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    wrong = f"{(int(asking.code()) + 1) % 10**6:06d}"
    answer = say(client, wrong, "message-2").json()
    assert (False, 4) == (answer["accepted"], answer["challenge"]["attempts_left"])
    assert 1 == len(asking.agent.heard)


def test_a_code_works_once(asking: Site) -> None:
    """The same code for the next request is refused."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    say(client, asking.code(), "message-2")
    say(client, "show my payslip", "message-3")
    answer = say(client, asking.code(), "message-4").json()
    assert answer["accepted"] is False
    assert answer["challenge"] is not None


def test_a_code_out_of_the_blue_is_not_passed_on(site: Site) -> None:
    """Six digits alone never reach Rasa; six digits in a sentence do when nothing waits."""
    client = site.signed_in()
    answer = say(client, "123456", "message-1").json()
    assert NOTHING_WAITS == answer["messages"][0]["text"]
    assert [] == heard(site)
    say(client, "invoice 123456 was not refunded", "message-2")
    assert ["invoice 123456 was not refunded"] == heard(site)


def test_a_late_code_is_told_so(asking: Site) -> None:
    """After five minutes the request is over and the code stays out of Rasa."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    asking.clock.advance(301)
    answer = say(client, asking.code(), "message-2").json()
    assert "waited too long" in answer["messages"][0]["text"]
    assert 1 == len(asking.agent.heard)


def test_two_codes_are_not_guessed_between(asking: Site) -> None:
    """The person is asked for one; no try is lost."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    answer = say(client, "123456 or 654321", "message-2").json()
    assert SEVERAL_CODES == answer["messages"][0]["text"]
    assert 5 == answer["challenge"]["attempts_left"]


def test_cancel_ends_the_request(asking: Site) -> None:
    """Rasa does not hear of it, and a second cancel finds nothing."""
    client = asking.signed_in()
    challenge = say(client, "show my payslip").json()["challenge"]
    path = f"/api/v1/challenges/{challenge['id']}"
    answer = client.delete(path).json()
    assert (CANCELLED, None) == (answer["messages"][0]["text"], answer["challenge"])
    assert NOT_CANCELLED == client.delete(path).json()["messages"][0]["text"]
    assert 1 == len(asking.agent.heard)


def test_another_session_cannot_answer(asking: Site) -> None:
    """The challenge of one browser is unknown to another, even of the same person."""
    mine, other = asking.signed_in(), asking.signed_in()
    challenge = say(mine, "show my payslip").json()["challenge"]
    answer = other.post(f"/api/v1/challenges/{challenge['id']}", json={"code": asking.code()})
    assert answer.json()["accepted"] is False
    assert 1 == len(asking.agent.heard)


def test_a_retry_after_a_failed_turn_needs_no_second_code(asking: Site) -> None:
    """The code was good; the answer was lost; the same request again gets it."""
    client = asking.signed_in()
    challenge = say(client, "show my payslip").json()["challenge"]

    def fail(_message: object) -> None:
        raise RuntimeError

    asking.agent.script = fail
    body = {"id": "code-0001", "code": asking.code()}
    path = f"/api/v1/challenges/{challenge['id']}"
    assert 503 == client.post(path, json=body).status_code
    asking.agent.script = asking.asks_for_code
    answer = client.post(path, json=body).json()
    assert "Your net pay was 2 431.07 EUR." == answer["messages"][0]["text"]


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
def test_the_code_form_takes_six_digits(site: Site, code: str) -> None:
    """Anything else is refused before it is counted."""
    answer = site.signed_in().post("/api/v1/challenges/abc", json={"code": code})
    assert 400 == answer.status_code


@pytest.mark.parametrize("text", ["cancel", "No.", "STOP!", "never mind", "nope", "cancel it"])
def test_a_typed_no_cancels_the_request(asking: Site, text: str) -> None:
    """As the button does; the code of that moment then confirms nothing."""
    client = asking.signed_in()
    challenge = say(client, "show my payslip", "message-1").json()["challenge"]
    answer = say(client, text, "message-2").json()
    assert (CANCELLED, None) == (answer["messages"][0]["text"], answer["challenge"])
    path = f"/api/v1/challenges/{challenge['id']}"
    assert client.post(path, json={"code": asking.code()}).json()["accepted"] is False
    assert say(client, asking.code(), "message-3").json()["accepted"] is False
    assert ["show my payslip"] == heard(asking)


@pytest.mark.parametrize("text", ["yes", "OK", "Confirm!"])
def test_a_typed_yes_asks_for_the_code(asking: Site, text: str) -> None:
    """Nothing is confirmed by a word, and the request goes on waiting."""
    client = asking.signed_in()
    challenge = say(client, "show my payslip", "message-1").json()["challenge"]
    answer = say(client, text, "message-2").json()
    assert ENTER_CODE == answer["messages"][0]["text"]
    assert (challenge["id"], 5) == (
        answer["challenge"]["id"],
        answer["challenge"]["attempts_left"],
    )
    assert ["show my payslip"] == heard(asking)


def test_yes_and_no_reach_the_assistant_when_nothing_waits(site: Site) -> None:
    """They answer its questions then."""
    client = site.signed_in()
    say(client, "no", "message-1")
    say(client, "yes", "message-2")
    assert ["no", "yes"] == heard(site)


def test_another_request_takes_the_place_of_the_first(asking: Site) -> None:
    """A message that is neither yes, no nor a code goes to the assistant."""
    client = asking.signed_in()
    first = say(client, "show my payslip", "message-1").json()["challenge"]
    second = say(client, "no, my salary please", "message-2").json()["challenge"]
    assert first["id"] != second["id"]
    assert ["show my payslip", "no, my salary please"] == heard(asking)


@pytest.mark.parametrize("sign", [".", "_", ",", "\u2044"])
def test_a_code_with_another_separator_is_accepted(asking: Site, sign: str) -> None:
    """It is the code all the same and stays out of Rasa."""
    client = asking.signed_in()
    say(client, "show my payslip", "message-1")
    code = asking.code()
    answer = say(client, f"{code[:3]}{sign}{code[3:]}", "message-2").json()
    assert answer["accepted"] is True
    assert not [text for text in heard(asking) if code[3:] in text]


def test_a_code_that_nobody_asked_for_is_masked(site: Site) -> None:
    """The request reaches the assistant and the transcript without the digits."""
    client = site.signed_in()
    say(client, "show my salary please, my code is 493581", "message-1")
    assert ["show my salary please, my code is \u2022\u2022\u2022\u2022\u2022\u2022"] == heard(site)
    assert (
        NOTHING_WAITS
        == say(client, "ok then 123456 thanks", "message-2").json()["messages"][0]["text"]
    )
    assert 1 == len(site.agent.heard)
    assert "493581" not in client.get("/api/v1/history").text

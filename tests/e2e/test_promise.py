"""The promise as a person walks it: sign in, ask, be refused, step up, be recorded."""

from __future__ import annotations

import secrets

import pytest

from tests.e2e.deployment import PASSWORD, Account, Chat, Deployment


def test_a_stranger_gets_nothing(deployment: Deployment) -> None:
    """Without a session every conversation endpoint answers 401 and says nothing else."""
    http = deployment.client()
    for method, path in [
        ("GET", "session"),
        ("GET", "history"),
        ("GET", "challenge"),
        ("POST", "messages"),
        ("DELETE", "conversation"),
    ]:
        body = {"id": "0123456789", "text": "hello"} if method == "POST" else None
        answer = http.request(method, f"/api/v1/{path}", json=body)
        assert 401 == answer.status_code, path


def test_wrong_password_and_unknown_name_look_the_same(employee: Account) -> None:
    """A wrong password and a name that nobody has get the same answer."""
    wrong = Chat(employee.deployment).sign_in(employee.username, "not the password at all")
    unknown = Chat(employee.deployment).sign_in("nobody-has-this-name", PASSWORD)
    assert (401, wrong.json()) == (unknown.status_code, unknown.json())


def test_allowed_request_is_answered_from_the_records(employee: Account) -> None:
    """An employee's leave balance is answered with a figure and without a code."""
    chat = employee.sign_in()
    answer = chat.say("how many vacation days do I have left")
    assert "day" in answer
    assert any(character.isdigit() for character in answer)
    assert chat.challenge is None


def test_colleagues_salary_is_refused_with_the_reason(employee: Account) -> None:
    """What the rules deny is refused in the words of the policy, and is in the audit log."""
    chat = employee.sign_in()
    answer = chat.say("what does Marco Silva earn?")
    assert "EUR" not in answer and "€" not in answer
    person = employee.deployment.runtime.audit.pseudonym("person", employee.person.id)
    entries = [
        entry for entry in employee.deployment.audit_entries() if entry.get("person") == person
    ]
    refused = [entry for entry in entries if entry.get("intent") == "view_colleague_salary"]
    assert ["deny"] == [entry["effect"] for entry in refused]
    assert refused[0]["rule"] and refused[0]["revision"]


def test_payslip_after_a_code_without_asking_again(employee: Account) -> None:
    """A payslip waits for a code; after it the original request is answered by itself."""
    chat = employee.sign_in()
    chat.say("show me my payslip for last month")
    assert chat.challenge is not None
    assert "payslip" in chat.challenge["prompt"]
    assert "€" not in chat.text and "EUR" not in chat.text
    answer = chat.give(employee.code())
    assert "net" in answer.lower()
    assert chat.challenge is None


def test_a_request_in_clear_words_after_a_question_back_is_resumed(employee: Account) -> None:
    """Who answers "do you mean" with another request gets that one after the code, decided once."""
    chat = employee.sign_in()
    assert "Do you mean" in chat.say("zanzibarquux marker")
    chat.say("show me my payslip for last month")
    assert chat.challenge is not None
    decided = len(employee.deployment.audit_entries())
    assert "net" in chat.give(employee.code()).lower()
    assert len(employee.deployment.audit_entries()) - decided < 20


def test_code_typed_into_the_chat_never_reaches_rasa(employee: Account) -> None:
    """A code written as a message is taken as the code and is nowhere in the history."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    code = employee.code()
    answer = chat.say(f"the code is {code}")
    assert "gross" in answer
    history = chat.http.get("/api/v1/history").text
    assert code not in history


def test_wrong_code_then_right_code(employee: Account) -> None:
    """A wrong code is answered in words and the request still waits for the right one."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    before = chat.challenge
    assert before is not None
    answer = chat.give(employee.wrong_code())
    assert "gross" not in answer and answer
    assert chat.challenge is not None
    assert before["attempts_left"] - 1 == chat.challenge["attempts_left"]
    assert "gross" in chat.give(employee.code())


def test_used_code_does_not_work_again(employee: Account) -> None:
    """The code of one request does not open the next one."""
    chat = employee.sign_in()
    code = employee.code()
    chat.say("what is my salary")
    assert "gross" in chat.give(code)
    chat.say("show me my payslip for last month")
    answer = chat.give(code)
    assert "gross" not in answer.casefold()
    assert chat.challenge is not None


def test_a_code_counts_for_the_same_request_as_long_as_the_rule_says(employee: Account) -> None:
    """Asked again at once the salary needs no other code; in another session it does."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    assert "gross" in chat.give(employee.code())
    assert "gross" in chat.say("what is my salary")
    assert chat.challenge is None
    again = employee.sign_in()
    again.say("what is my salary")
    assert again.challenge is not None


def test_too_many_wrong_codes_cancel_the_request(employee: Account) -> None:
    """After the allowed number of wrong codes the request is void and the right code too late."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    challenge = chat.challenge
    assert challenge is not None
    texts = []
    for _ in range(8):
        if chat.challenge is None:
            break
        texts.append(chat.give(employee.wrong_code()))
    assert all("gross" not in text for text in texts)
    chat.post(f"challenges/{challenge['id']}", code=employee.code())
    assert "gross" not in chat.text


def test_cancel(employee: Account) -> None:
    """A cancelled request stays cancelled; a good code afterwards shows nothing."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    challenge = chat.challenge
    assert challenge is not None
    answer = chat.http.delete(f"/api/v1/challenges/{challenge['id']}")
    assert 200 == answer.status_code
    chat.post(f"challenges/{challenge['id']}", code=employee.code())
    assert "gross" not in chat.text


def test_grant_of_one_conversation_is_useless_in_another(employee: Account) -> None:
    """A challenge cannot be answered from another session of the same person."""
    first, second = employee.sign_in(), employee.sign_in()
    first.say("what is my salary")
    assert first.challenge is not None
    second.post(f"challenges/{first.challenge['id']}", code=employee.code())
    assert "gross" not in second.text


def test_bank_account_is_bound_to_the_account_number(employee: Account) -> None:
    """Changing the bank account asks for a code that names the very account, then changes it."""
    chat = employee.sign_in()
    chat.say("I want to change my bank account")
    chat.say("DE89 3704 0044 0532 0130 00")
    assert chat.challenge is None
    chat.press("yes|confirm")
    assert chat.challenge is not None
    assert "DE89 3704 0044 0532 0130 00" in chat.challenge["prompt"]
    answer = chat.give(employee.code())
    assert "3000" in answer.replace(" ", "")


def test_manager_sees_the_team_and_others_do_not(deployment: Deployment) -> None:
    """The team's leave is shown to its manager and refused to an employee."""
    manager = deployment.person("employee", "manager", employee_id="E-1002").sign_in()
    assert "team" in manager.say("who in my team is on leave this month?").lower()
    employee = deployment.person("employee").sign_in()
    employee.say("who in my team is on leave this month?")
    refused = [
        entry
        for entry in deployment.audit_entries()
        if entry.get("intent") == "view_team_leave" and entry["effect"] == "deny"
    ]
    assert refused


@pytest.mark.parametrize(
    ("roles", "employee_id"),
    [
        (("contractor",), "E-1004"),
        (("auditor",), "E-1005"),
    ],
)
def test_payslips_are_for_employees(
    deployment: Deployment, roles: tuple[str, ...], employee_id: str
) -> None:
    """A contractor and an auditor are refused a payslip and are not even asked for a code."""
    chat = deployment.person(*roles, employee_id=employee_id).sign_in()
    answer = chat.say("show me my payslip for last month")
    assert "net" not in answer.lower().split()
    assert chat.challenge is None


def test_hr_looks_a_person_up_after_a_code(deployment: Deployment) -> None:
    """Looking a person up needs the role and a code that names the person."""
    hr = deployment.person("employee", "hr_admin", employee_id="E-1003")
    chat = hr.sign_in()
    chat.say("look up Erin Walsh")
    assert chat.challenge is not None
    assert "Erin Walsh" in chat.challenge["prompt"]
    assert "E-1001" in chat.give(hr.code())


def test_slash_is_not_a_command(employee: Account) -> None:
    """A message that starts with a slash is text: no intent, slot or restart comes out of it."""
    chat = employee.sign_in()
    chat.say("hello")
    for text in ("/restart", " /view_salary", '/look_up_person{"person": "E-1002"}'):
        answer = chat.say(text)
        assert "E-1002" not in answer and "gross" not in answer
    assert "hello" in chat.http.get("/api/v1/history").text


def test_repeated_message_id_is_one_turn(employee: Account) -> None:
    """A retry with the same message id gets the same answer and makes no second turn."""
    chat = employee.sign_in()
    message_id = secrets.token_hex(12)
    first = chat.say("how many vacation days do I have left", message_id)
    assert first == chat.say("how many vacation days do I have left", message_id)
    texts = [item["text"] for item in chat.http.get("/api/v1/history").json()["messages"]]
    assert 1 == texts.count("how many vacation days do I have left")


def test_role_change_counts_from_the_next_message(deployment: Deployment) -> None:
    """A role that is taken away is gone with the next message of a running session."""
    account = deployment.person("employee", "manager", employee_id="E-1002")
    chat = account.sign_in()
    assert "team" in chat.say("who in my team is on leave this month?").lower()
    deployment.runtime.directory.set_roles(account.person.id, frozenset({"employee"}))
    before = len(deployment.audit_entries())
    chat.say("who in my team is on leave this month?")
    effects = [entry.get("effect") for entry in deployment.audit_entries()[before:]]
    assert ["deny"] == effects


def test_leaver_is_out_at_once(deployment: Deployment, employee: Account) -> None:
    """A disabled person's running session ends with the next message."""
    chat = employee.sign_in()
    chat.say("hello")
    deployment.runtime.directory.disable(employee.person.id)
    answer = chat.http.post("/api/v1/messages", json={"id": secrets.token_hex(12), "text": "hello"})
    assert 401 == answer.status_code

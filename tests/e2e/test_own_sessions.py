"""A person asks in the chat where they are signed in, and ends it."""

from __future__ import annotations

from tests.e2e.deployment import Account


def test_sessions_are_seen_and_ended_in_the_chat(employee: Account) -> None:
    """Each browser is named; "sign out everywhere" is answered, and then no browser is signed in."""
    desk, phone = employee.sign_in(), employee.sign_in()
    said = desk.say("where am I signed in?")
    assert "signed in" in said
    assert 1 == said.count("(this one)")
    assert len(employee.deployment.runtime.sessions.of_person(employee.person.id)) == said.count(
        "last active"
    )
    assert "signed out everywhere" in phone.say("please sign me out everywhere")
    for chat in (desk, phone):
        assert 401 == chat.http.get("/api/v1/session").status_code
    assert () == employee.deployment.runtime.sessions.of_person(employee.person.id)
    pseudonym = employee.deployment.runtime.audit.pseudonym("person", employee.person.id)
    entries = [
        entry
        for entry in employee.deployment.audit_entries()
        if entry.get("person") == pseudonym and entry["kind"] == "sign_out"
    ]
    assert "everywhere" == entries[-1]["extent"]
    assert "signed in once" in employee.sign_in().say("show my sessions")

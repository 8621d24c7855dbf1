"""What a person sees of what is stored about them, and asking for a copy or for its end."""

from __future__ import annotations

from tests.unit.channel.harness import Site, say, sign_in


def test_a_person_sees_how_much_is_stored_and_until_when(site: Site) -> None:
    """Counts and times of one's own conversations; none of the words, nobody else's."""
    client = site.signed_in()
    say(client, "my knee hurts")
    began = int(site.clock.now())
    answer = client.get("/api/v1/stored")
    assert 200 == answer.status_code
    stored = answer.json()
    (one,) = stored["conversations"]
    assert (began, True) == (one["last_message_at"], one["turns"] > 0)
    assert began + site.settings.retention.ttl == one["expires_at"]
    assert ([], ["export", "erase"]) == (stored["holds"], stored["requests"])
    assert "knee" not in answer.text
    site.directory.add(
        "sam.okafor",
        "Sam Okafor",
        ["employee"],
        "quartz meadow thirty lanterns",
        department="Operations",
        employee_id="E-2",
        must_change_password=False,
    )
    other = site.client()
    assert 200 == sign_in(other, "quartz meadow thirty lanterns", username="sam.okafor").status_code
    assert [0] == [item["turns"] for item in other.get("/api/v1/stored").json()["conversations"]]


def test_a_request_goes_through_the_conversation(site: Site) -> None:
    """Rasa gets exactly the intent, under an assertion like any message; the words stand in the history."""
    client = site.signed_in()
    body = {"id": "request-1", "request": "export"}
    assert 200 == client.post("/api/v1/requests", json=body).status_code
    (heard,) = site.agent.heard
    assert "/export_stored_data" == heard.text
    assert 200 == client.post("/api/v1/requests", json=body).status_code
    assert 1 == len(site.agent.heard), "sent twice is asked once"
    said = client.get("/api/v1/history").json()["messages"]
    assert "Give me a copy of what is stored about me" == said[0]["text"]


def test_nothing_else_can_be_asked_for(site: Site) -> None:
    """Another intent, or one that the policies do not know here, is refused before Rasa."""
    client = site.signed_in()
    for wanted in ("restart", "export_stored_data", "/export"):
        body = {"id": "request-1", "request": wanted}
        assert 400 == client.post("/api/v1/requests", json=body).status_code
    site.services.policies.current = lambda: type("Set", (), {"intents": {}})
    body = {"id": "request-2", "request": "erase"}
    assert 400 == client.post("/api/v1/requests", json=body).status_code
    assert [] == client.get("/api/v1/stored").json()["requests"]
    assert [] == site.agent.heard

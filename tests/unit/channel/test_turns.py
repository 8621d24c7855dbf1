"""What reaches Rasa, and what comes back."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from rasa.core.channels.channel import UserMessage
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain

from gatehouse.channel import mounts, turn_runner, turns
from gatehouse.identity import METADATA_KEY
from gatehouse.tracker.receipts import verify
from tests.patience import until
from tests.unit.channel.harness import Site, say


def claims(message: UserMessage) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(
        message.metadata[METADATA_KEY], options={"verify_signature": False}
    )
    return found


def test_the_server_says_who_speaks(site: Site) -> None:
    """Sender, channel and assertion come from the session, one assertion per message."""
    client = site.signed_in()
    say(client, "hello", "message-1")
    say(client, "hello again", "message-2")
    first, second = site.agent.heard
    assert "web" == first.input_channel
    assert first.sender_id == second.sender_id == claims(first)["conversation"]
    assert 32 == len(first.sender_id)
    assert (site.person.id, ["employee"], "message-1", "local") == tuple(
        claims(first)[name] for name in ("sub", "roles", "jti", "zone")
    )
    assert "message-2" == claims(second)["jti"]


def test_a_client_cannot_name_its_own_speaker(site: Site) -> None:
    """Rasa's fields for sender and metadata are refused, not ignored."""
    client = site.signed_in()
    for field in ("sender", "sender_id", "metadata", "input_channel"):
        body = {"id": "message-1", "text": "hello", field: "someone"}
        assert 400 == client.post("/api/v1/messages", json=body).status_code
    assert [] == site.agent.heard


def test_a_changed_role_counts_from_the_next_message(site: Site) -> None:
    """The assertion carries the roles of this moment."""
    client = site.signed_in()
    say(client, "hello", "message-1")
    site.directory.set_roles(site.person.id, ["employee", "manager"])
    say(client, "hello", "message-2")
    assert ["employee", "manager"] == claims(site.agent.heard[-1])["roles"]


@pytest.mark.parametrize("text", ["/restart", " \u200b//restart", "\u202e/restart"])
def test_a_slash_never_reaches_rasa(site: Site, text: str) -> None:
    """Commands arrive as plain words."""
    say(site.signed_in(), text)
    assert ["restart"] == [message.text for message in site.agent.heard]


def test_a_repeated_message_is_answered_once(site: Site) -> None:
    """The same id gives the same answer without a second turn, also when sent at the same time."""
    client = site.signed_in()

    async def slowly() -> list[dict[str, str]]:
        await asyncio.sleep(0.2)
        return [{"text": f"turn {len(site.agent.heard)}"}]

    site.agent.script = lambda message: slowly()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: say(client, "hello", "message-1").json(), range(4)))
    assert 1 == len(site.agent.heard)
    assert {"turn 1"} == {answer["messages"][0]["text"] for answer in answers}
    assert 409 == say(client, "something else", "message-1").status_code


def test_turns_of_one_conversation_do_not_mix(site: Site) -> None:
    """Two tabs sending at once are answered one after the other."""
    client = site.signed_in()
    running: list[int] = [0]
    most: list[int] = [0]

    async def watched() -> list[dict[str, str]]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.1)
        running[0] -= 1
        return [{"text": "done"}]

    site.agent.script = lambda message: watched()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: say(client, "hello", f"message-{n}"), range(3)))
    assert (3, 1) == (len(site.agent.heard), most[0])


def test_a_failed_turn_is_refused_recorded_and_can_be_retried(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """503 without a word of the exception; the same id then runs anew."""
    client = site.signed_in()

    def fail(message: UserMessage) -> Any:
        raise RuntimeError(f"cannot handle {message.text}")

    site.agent.script = fail
    answer = say(client, "my salary is 4711", "message-1")
    assert (503, "unavailable") == (answer.status_code, answer.json()["error"]["code"])
    assert "4711" not in answer.text + caplog.text
    assert "turn_refused" == site.audit.kinds()[-1]
    site.agent.script = lambda message: [{"text": "Now it works."}]
    again = say(client, "my salary is 4711", "message-1").json()
    assert "Now it works." == again["messages"][0]["text"]


def test_a_turn_that_takes_too_long_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit the person gets an answer and the conversation is free again."""
    monkeypatch.setattr(turn_runner, "TURN_TIMEOUT", 0.2)
    client = site.signed_in()
    site.agent.script = lambda message: asyncio.sleep(30)
    assert 503 == say(client, "hello", "message-1").status_code
    monkeypatch.undo()
    site.agent.script = lambda message: [{"text": "Here."}]
    assert 200 == say(client, "hello", "message-2").status_code


def test_a_failing_store_stops_the_turn(site: Site) -> None:
    """Rasa's fail-safe wrapper is off: nothing falls back to clear text in memory."""
    client = site.signed_in()
    inner = site.agent.tracker_store._tracker_store

    async def broken(tracker: object) -> None:
        raise OSError("disk full")

    inner.save = broken
    assert 503 == say(client, "hello").status_code
    assert inner is site.agent.tracker_store
    assert inner is site.agent.processor.tracker_store


def test_a_store_in_clear_is_refused(site: Site) -> None:
    """With any other tracker store no message reaches Rasa."""
    client = site.signed_in()
    site.agent.tracker_store = InMemoryTrackerStore(Domain.empty())
    assert 503 == say(client, "hello").status_code
    assert [] == site.agent.heard


def test_no_agent_no_answer(site: Site) -> None:
    """Without a trained model a turn is refused; Rasa itself would say nothing."""
    client = site.signed_in()
    site.app.ctx.agent = None
    assert 503 == say(client, "hello").status_code


def test_a_button_sends_its_payload_once(site: Site) -> None:
    """The browser sees an id; Rasa gets the payload; the history shows the title."""
    client = site.signed_in()
    site.agent.script = lambda message: [
        {
            "text": "Sure?",
            "buttons": [
                {"title": "Yes", "payload": "/affirm"},
                {"title": "No", "payload": "/restart"},
            ],
        }
    ]
    answer = say(client, "delete it", "message-1")
    yes = answer.json()["messages"][0]["buttons"][0]
    assert "affirm" not in answer.text
    shown = client.get("/api/v1/history").json()["messages"]
    assert [yes["id"]] == [button["id"] for button in shown[-1]["buttons"]][:1]
    body = {"id": "message-2", "button": yes["id"]}
    assert 200 == client.post("/api/v1/buttons", json=body).status_code
    assert "/affirm" == site.agent.heard[-1].text
    spent = client.post("/api/v1/buttons", json={"id": "message-3", "button": yes["id"]})
    assert turns.SPENT == spent.json()["messages"][0]["text"]
    assert 2 == len(site.agent.heard)
    said = [item["text"] for item in client.get("/api/v1/history").json()["messages"]]
    assert ["delete it", "Sure?", "Yes", "Sure?"] == said


def test_rasa_commands_cannot_hide_in_a_button(site: Site) -> None:
    """A payload such as /restart is sent as a word."""
    client = site.signed_in()
    site.agent.script = lambda message: [
        {"text": "?", "buttons": [{"title": "Back to start", "payload": "/restart"}]}
    ]
    button = say(client, "hello", "message-1").json()["messages"][0]["buttons"][0]
    client.post("/api/v1/buttons", json={"id": "message-2", "button": button["id"]})
    assert "restart" == site.agent.heard[-1].text


def test_history_survives_a_reload_and_hides_invisible_signs(site: Site) -> None:
    """What was said comes back in order, without direction overrides."""
    client = site.signed_in()
    site.agent.script = lambda message: [{"text": "all \u202egood\u2066"}]
    say(client, "hello")
    shown = client.get("/api/v1/history").json()["messages"]
    assert [("person", "hello"), ("bot", "all good")] == [
        (item["from"], item["text"]) for item in shown
    ]


def test_clearing_destroys_and_begins_anew(site: Site) -> None:
    """A new conversation id, an empty history, the end on record, nothing left to repeat."""
    client = site.signed_in()
    say(client, "hello", "message-1")
    old = site.agent.heard[-1].sender_id
    answer = client.delete("/api/v1/conversation").json()
    assert answer["ended"] is True
    assert [] == client.get("/api/v1/history").json()["messages"]
    assert "conversation_ended" in site.audit.kinds()
    say(client, "hello", "message-1")
    assert old != site.agent.heard[-1].sender_id


def test_an_end_that_an_action_asked_for_is_carried_out(site: Site) -> None:
    """The answer of that turn is still shown, and the next one is in a new conversation."""
    client = site.signed_in()

    def end(message: UserMessage) -> list[dict[str, str]]:
        site.services.conversations.request_end(message.sender_id)
        return [{"text": "Goodbye."}]

    site.agent.script = end
    answer = say(client, "end it", "message-1").json()
    assert ("Goodbye.", True) == (answer["messages"][0]["text"], answer["ended"])
    say(client, "hello", "message-2")
    assert site.agent.heard[0].sender_id != site.agent.heard[1].sender_id


def test_an_export_is_downloaded_once(site: Site) -> None:
    """The link of the message gives the person's data, in this session, one time."""
    client, other = site.signed_in(), site.signed_in()
    site.agent.script = lambda message: [
        {
            "text": "Here you are.",
            "custom": {
                "gatehouse": "download",
                "ticket": site.services.exports.create(
                    claims(message)["sub"], claims(message)["sid"]
                ),
                "title": "Download",
            },
        }
    ]
    messages = say(client, "export my data").json()["messages"]
    link = next(item["download"] for item in messages if "download" in item)["href"]
    assert 404 == other.get(link).status_code
    answer = client.get(link)
    assert 200 == answer.status_code
    assert "attachment" in answer.headers["content-disposition"]
    assert "erin.walsh" == answer.json()["person"]["user_name"]
    (conversation,) = (c for c in answer.json()["conversations"] if c["messages"])
    assert "export my data" == conversation["messages"][0]["text"]
    assert 404 == client.get(link).status_code
    assert "export" in site.audit.kinds()


def test_the_export_holds_every_living_conversation(site: Site) -> None:
    """The words of another session's conversation are in it, those of another person are not."""
    client, other = site.signed_in(), site.signed_in()
    say(other, "said elsewhere", "message-1")
    elsewhere = site.agent.heard[-1].sender_id
    site.services.conversations.started("c" * 32, "somebody-else")
    assert elsewhere in site.services.conversations.conversation_ids(site.person.id)
    assert "c" * 32 not in site.services.conversations.conversation_ids(site.person.id)
    say(client, "said here", "message-2")
    mine = claims(site.agent.heard[-1])
    ticket = site.services.exports.create(mine["sub"], mine["sid"])
    document = client.get(f"/api/v1/exports/{ticket}").json()
    assert [["said elsewhere", "All right."], ["said here", "All right."]] == sorted(
        [item["text"] for item in found["messages"]]
        for found in document["conversations"]
        if found["messages"]
    )


def test_an_export_can_be_read_as_a_page(site: Site) -> None:
    """The same data as one HTML file, as an attachment, under its own strict policy."""
    client = site.signed_in()
    say(client, "<b>bold</b>", "message-1")
    mine = claims(site.agent.heard[-1])
    ticket = site.services.exports.create(mine["sub"], mine["sid"], "page")
    answer = client.get(f"/api/v1/exports/{ticket}")
    assert "text/html" in answer.headers["content-type"]
    assert 'attachment; filename="my-data.html"' == answer.headers["content-disposition"]
    assert "&lt;b&gt;bold&lt;/b&gt;" in answer.text
    assert "<b>" not in answer.text


def test_an_erasure_hands_out_its_receipt(site: Site) -> None:
    """The person is signed out elsewhere, old links are void, and the receipt is good once."""
    client, other = site.signed_in(), site.signed_in()
    say(other, "elsewhere", "message-1")
    stale: list[str] = []

    def erase(message: UserMessage) -> list[dict[str, str]]:
        who = claims(message)
        stale.append(site.services.exports.create(who["sub"], who["sid"]))
        site.services.rights.request_erasure(who["sub"], who["sid"])
        return [{"text": "Being erased."}]

    site.agent.script = erase
    answer = say(client, "erase my data", "message-2").json()
    assert ["Being erased.", turn_runner.RECEIPT] == [item["text"] for item in answer["messages"]]
    assert 401 == other.get("/api/v1/history").status_code
    assert 404 == client.get(f"/api/v1/exports/{stale[0]}").status_code
    link = answer["messages"][-1]["download"]["href"]
    receipt = client.get(link).json()
    verify(receipt, site.receipts.public_key)
    erased = receipt["erased"]
    assert (2, 1, 1) == (erased["conversations"], erased["sessions"], erased["download_links"])
    assert 404 == client.get(link).status_code
    entry = site.audit.entries[receipt["log_entry"] - 1]
    assert ("erasure_receipt", receipt["receipt"]) == (entry[0], entry[1]["receipt"])
    assert "person" not in entry[1]


BUTTONS = [{"title": "Annual leave", "payload": "/inform"}]
GOODBYE = "This conversation has ended."


@pytest.mark.parametrize(
    "answers",
    [
        [
            {"text": GOODBYE, "buttons": BUTTONS},
            {"custom": {"gatehouse": "conversation_ended"}},
            {"text": "Which kind of leave?", "buttons": BUTTONS},
            {"text": "By the way."},
        ],
        [{"text": GOODBYE}, {"text": "Which kind of leave?", "buttons": BUTTONS}],
    ],
)
def test_nothing_is_asked_after_the_end(site: Site, answers: list[dict[str, Any]]) -> None:
    """A form's next question is dropped, and no button is left."""
    client = site.signed_in()

    def end(message: UserMessage) -> list[dict[str, Any]]:
        site.services.conversations.request_end(message.sender_id)
        return answers

    site.agent.script = end
    answer = say(client, "end it", "message-1").json()
    assert ([{"text": GOODBYE}], True) == (answer["messages"], answer["ended"])


def test_questions_stay_when_the_conversation_goes_on(site: Site) -> None:
    """Only an end that was carried out cuts the answer short."""
    client = site.signed_in()
    site.agent.script = lambda message: [
        {"text": GOODBYE},
        {"custom": {"gatehouse": "conversation_ended"}},
        {"text": "Which kind of leave?", "buttons": BUTTONS},
    ]
    messages = say(client, "hello", "message-1").json()["messages"]
    assert [GOODBYE, "Which kind of leave?"] == [item["text"] for item in messages]
    assert "buttons" in messages[1]


def change_role(site: Site, client: Any) -> None:
    site.directory.set_roles(site.person.id, ["manager"])


def disable(site: Site, client: Any) -> None:
    site.directory.disable(site.person.id)


def sign_out(site: Site, client: Any) -> None:
    assert 204 == client.delete("/api/v1/session").status_code


@pytest.mark.parametrize(
    ("meanwhile", "status", "roles"),
    [(change_role, 200, ["manager"]), (disable, 401, None), (sign_out, 401, None)],
)
def test_a_waiting_message_is_spoken_by_who_the_person_is_then(
    site: Site, meanwhile: Callable[[Site, Any], None], status: int, roles: list[str] | None
) -> None:
    """What changed while it waited for its conversation counts for it already."""
    client = site.signed_in()
    release = threading.Event()

    async def held() -> list[dict[str, str]]:
        await asyncio.to_thread(release.wait, 20)
        return [{"text": "done"}]

    site.agent.script = lambda message: held()
    waiting = site.app.blueprints[mounts.BLUEPRINT].ctx.keeper._built.messages._turns._runner._locks
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(say, client, "hello", "message-1")
            until(lambda: len(site.agent.heard) == 1)
            second = pool.submit(say, client, "hello again", "message-2")
            until(lambda: [count for _, count in waiting.values()] == [2])
            meanwhile(site, client)
        finally:
            release.set()
        assert (200, status) == (first.result().status_code, second.result().status_code)
    said = [claims(message)["roles"] for message in site.agent.heard]
    assert [["employee"]] + ([roles] if roles else []) == said

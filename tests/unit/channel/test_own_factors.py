"""A person's own factors over HTTP, and recovery codes and tickets in the chat."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp
import pytest

from gatehouse.channel.text import find_code, masked
from gatehouse.stepup.authenticators import ENROLMENT_TRIES, MOST_APPS
from tests.passkey import SoftAuthenticator
from tests.unit.channel.harness import Site, say

CHANGES = "/api/v1/authenticators/changes"
APP = {"change": "add", "kind": "totp", "name": "Tablet"}


def asked(client: httpx.Client, **change: Any) -> dict[str, Any]:
    answer = client.post(CHANGES, json=change)
    assert 200 == answer.status_code, answer.text
    challenge: dict[str, Any] = answer.json()["challenge"]
    return challenge


def proven(site: Site, client: httpx.Client, code: str = "", **change: Any) -> dict[str, Any]:
    challenge = asked(client, **change)
    answer = client.post(f"{CHANGES}/{challenge['id']}", json={"code": code or site.code()})
    assert 200 == answer.status_code, answer.text
    site.clock.advance(30)
    outcome: dict[str, Any] = answer.json()
    return outcome


def confirmed(client: httpx.Client, enrolment: dict[str, Any], code: str) -> httpx.Response:
    return client.post(
        f"/api/v1/authenticators/{enrolment['id']}/confirmation", json={"code": code}
    )


def code_of(site: Site, enrolment: dict[str, Any]) -> str:
    return str(pyotp.TOTP(enrolment["secret"]).at(int(site.clock.now())))


def listed(client: httpx.Client) -> list[str]:
    found = client.get("/api/v1/authenticators").json()["authenticators"]
    return sorted(one["name"] for one in found)


def new_codes(site: Site, client: httpx.Client) -> list[str]:
    codes: list[str] = proven(site, client, change="recovery")["codes"]
    return codes


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_what_there_is(site: Site) -> None:
    """With name, level and times, and no secret."""
    found = site.signed_in().get("/api/v1/authenticators").json()
    (app,) = found.pop("authenticators")
    assert {"recovery_codes": 0, "kinds": ["totp", "webauthn"], "first": False} == found
    assert ("totp", "Authenticator app", "aal2", None, False) == (
        app["kind"], app["name"], app["level"], app["last_used_at"], app["suspended"],
    )  # fmt: skip
    assert {"id", "kind", "name", "created_at", "last_used_at", "level", "suspended"} == set(app)


def test_a_second_app_from_secret_to_first_use(site: Site) -> None:
    """Asked for, proven with the first, shown once, active after one good code, and told."""
    client = site.signed_in()
    challenge = asked(client, **APP)
    assert "add the authenticator app “Tablet” to your account" == challenge["prompt"]
    assert [("totp", "Authenticator app")] == [
        (one["kind"], one["name"]) for one in challenge["offers"]
    ]
    answer = client.post(f"{CHANGES}/{challenge['id']}", json={"code": site.code()})
    enrolment = answer.json()["enrolment"]
    assert f"secret={enrolment['secret']}" in enrolment["uri"]
    assert enrolment["qr"]["path"].startswith("M4 4.5h7M")
    assert ["Authenticator app"] == listed(client)
    made = confirmed(client, enrolment, code_of(site, enrolment)).json()
    assert ("Tablet", None) == (made["authenticator"]["name"], made.get("codes"))
    assert ["Authenticator app", "Tablet"] == listed(client)
    site.clock.advance(30)
    assert new_codes_with(client, code_of(site, enrolment))
    assert enrolment["secret"] not in client.get("/api/v1/authenticators").text
    notices = client.get("/api/v1/notices").json()["notices"]
    assert [
        "The authenticator app “Tablet” was added to your account.",
        "New recovery codes were made; the former ones are void.",
    ] == [one["text"] for one in notices]
    assert 204 == client.delete(f"/api/v1/notices/{notices[0]['id']}").status_code
    assert 404 == client.delete(f"/api/v1/notices/{notices[0]['id']}").status_code
    assert 1 == len(client.get("/api/v1/notices").json()["notices"])


def new_codes_with(client: httpx.Client, code: str) -> list[str]:
    challenge = asked(client, change="recovery")
    answer = client.post(f"{CHANGES}/{challenge['id']}", json={"code": code})
    codes: list[str] = answer.json()["codes"]
    return codes


def test_the_qr_code_says_the_address(site: Site) -> None:
    """Its dark modules are those of the encoder, drawn as lines within the quiet zone."""
    import segno

    enrolment = proven(site, site.signed_in(), **APP)["enrolment"]
    drawn = set()
    for stroke in enrolment["qr"]["path"].split("M")[1:]:
        place, length = stroke.split("h")
        column, row = place.split()
        drawn |= {(int(column) + n, int(float(row))) for n in range(int(length))}
    matrix = segno.make(enrolment["uri"], error="m", micro=False).matrix
    dark = {(x + 4, y + 4) for y, row in enumerate(matrix) for x, dot in enumerate(row) if dot}
    assert (dark, len(matrix) + 8) == (drawn, enrolment["qr"]["size"])


@pytest.mark.parametrize(
    ("code", "status"),
    [("000000", 403), ("rc-22222-22222", 403), ("tk-22222-22222", 403), ("hello", 400), ("", 400)],
)
def test_without_a_good_code_nothing_changes(site: Site, code: str, status: int) -> None:
    """A session alone changes no factor."""
    client = site.signed_in()
    challenge = asked(client, change="recovery")
    assert status == client.post(f"{CHANGES}/{challenge['id']}", json={"code": code}).status_code
    assert 0 == client.get("/api/v1/authenticators").json()["recovery_codes"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"change": "everything"},
        {"change": ["add"]},
        {"change": "recovery", "kind": "totp"},
        {"change": "add"},
        {"change": "add", "kind": "carrier-pigeon"},
        {"change": "add", "kind": "totp", "address": "a@b.example"},
        {"change": "add", "kind": "totp", "name": "x" * 41},
        {"change": "add", "kind": "totp", "name": "two\nlines"},
        {"change": "add", "kind": "totp", "name": "\u202egnp.exe"},
        {"change": "remove"},
        {"change": "remove", "id": "0" * 32},
        {"change": "remove", "id": "0" * 32, "anyway": "yes"},
    ],
)
def test_what_is_no_change_is_refused(site: Site, body: dict[str, Any]) -> None:
    """Before anybody is asked to prove anything."""
    assert 400 == site.signed_in().post(CHANGES, json=body).status_code


def test_a_proof_is_for_its_session_and_its_change(site: Site) -> None:
    """Another session of the same person cannot prove it, nor confirm what it began."""
    client, other = site.signed_in(), site.signed_in()
    challenge = asked(client, **APP)
    stolen = other.post(f"{CHANGES}/{challenge['id']}", json={"code": site.code()})
    assert (403, "unknown") == error_of(stolen)
    enrolment = client.post(f"{CHANGES}/{challenge['id']}", json={"code": site.code()})
    begun = enrolment.json()["enrolment"]
    assert (404, "not_found") == error_of(confirmed(other, begun, code_of(site, begun)))
    again = client.post(f"{CHANGES}/{challenge['id']}", json={"code": site.code()})
    assert (403, "unknown") == error_of(again)
    assert 200 == confirmed(client, begun, code_of(site, begun)).status_code


def test_a_chat_challenge_is_none_of_a_change(site: Site) -> None:
    """Nor the other way round; both can wait at once."""
    client = site.signed_in()
    site.agent.script = site.asks_for_code
    waiting = say(client, "my October payslip").json()["challenge"]
    change = asked(client, change="recovery")
    body = {"code": site.code()}
    assert (403, "unknown") == error_of(client.post(f"{CHANGES}/{waiting['id']}", json=body))
    answer = client.post(f"/api/v1/challenges/{change['id']}", json=body).json()
    assert (False, waiting["id"]) == (answer["accepted"], answer["challenge"]["id"])
    assert 200 == client.post(f"{CHANGES}/{change['id']}", json=body).status_code


def test_an_enrolment_does_not_wait_for_ever(site: Site) -> None:
    """It is over after ten minutes and after a few wrong codes."""
    client = site.signed_in()
    begun = proven(site, client, **APP)["enrolment"]
    site.clock.advance(600)
    assert (403, "too_many") == error_of(confirmed(client, begun, code_of(site, begun)))
    begun = proven(site, client, **APP)["enrolment"]
    wrong = f"{(int(code_of(site, begun)) + 1) % 10**6:06d}"
    outcomes = [error_of(confirmed(client, begun, wrong)) for _ in range(ENROLMENT_TRIES)]
    assert [(403, "wrong")] * (ENROLMENT_TRIES - 1) + [(403, "too_many")] == outcomes
    assert (403, "too_many") == error_of(confirmed(client, begun, code_of(site, begun)))
    assert ["Authenticator app"] == listed(client)


def test_a_change_can_be_called_off(site: Site) -> None:
    """Afterwards no code makes it."""
    client = site.signed_in()
    where = f"{CHANGES}/{asked(client, change='recovery')['id']}"
    assert [204, 404] == [client.delete(where).status_code for _ in range(2)]
    assert (403, "unknown") == error_of(client.post(where, json={"code": site.code()}))


def test_removing_the_last_one_is_warned_of(site: Site) -> None:
    """Said first, done when it is wanted anyway, recorded and told; recovery codes are left."""
    client = site.signed_in()
    codes = new_codes(site, client)
    (only,) = client.get("/api/v1/authenticators").json()["authenticators"]
    warned = client.post(CHANGES, json={"change": "remove", "id": only["id"]})
    assert (409, "last_factor") == error_of(warned)
    gone = proven(site, client, codes[0], change="remove", id=only["id"], anyway=True)
    assert {"removed": only["id"]} == gone
    assert [] == listed(client)
    kind, facts = site.audit.entries[-1]
    assert ("administration", "factors.remove", "totp", "person") == (
        kind, facts["operation"], facts["factor"], facts["by"],
    )  # fmt: skip


def test_one_of_two_goes_without_a_warning(site: Site) -> None:
    """The other one satisfies the same policies."""
    client = site.signed_in()
    begun = proven(site, client, **APP)["enrolment"]
    made = confirmed(client, begun, code_of(site, begun)).json()["authenticator"]
    assert {"removed": made["id"]} == proven(site, client, change="remove", id=made["id"])


def with_passkey(site: Site, client: httpx.Client) -> SoftAuthenticator:
    """A passkey, set up over HTTP."""
    device = SoftAuthenticator(site.origin)
    begun = proven(site, client, change="add", kind="webauthn", name="Laptop")["enrolment"]
    where = f"/api/v1/authenticators/{begun['id']}/confirmation"
    answer = client.post(where, json={"credential": device.create(begun["options"])})
    assert 200 == answer.status_code, answer.text
    assert "aal2-phishing-resistant" == answer.json()["authenticator"]["level"]
    return device


def test_a_passkey_confirms_a_request_in_the_chat(site: Site) -> None:
    """The page gets what its browser needs; the request goes on; a repeat is answered alike."""
    client = site.signed_in()
    device = with_passkey(site, client)
    site.agent.script = site.asks_for_code
    challenge = say(client, "my October payslip").json()["challenge"]
    assert ["totp", "webauthn"] == challenge["factors"]
    assert "localhost" == challenge["assertion"]["rpId"]
    body = {"id": "message-with-a-passkey", "assertion": device.get(challenge["assertion"])}
    answers = [client.post(f"/api/v1/challenges/{challenge['id']}", json=body) for _ in range(2)]
    assert [True, True] == [answer.json()["accepted"] for answer in answers]
    assert 2 == len(site.agent.heard)


def test_an_assertion_is_for_its_challenge(site: Site) -> None:
    """Signed for a request that was replaced, or for a change, it confirms nothing else."""
    client = site.signed_in()
    device = with_passkey(site, client)
    site.agent.script = site.asks_for_code
    first = say(client, "my October payslip", "message-01").json()["challenge"]
    signed = device.get(first["assertion"])
    second = say(client, "my payslip again", "message-02").json()["challenge"]
    answer = client.post(f"/api/v1/challenges/{second['id']}", json={"assertion": signed}).json()
    assert (False, second["id"]) == (answer["accepted"], answer["challenge"]["id"])
    change = asked(client, change="recovery")
    other = client.post(f"{CHANGES}/{change['id']}", json={"assertion": signed})
    assert (403, "wrong") == error_of(other)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"assertion": "signed"},
        {"assertion": {}, "code": "123456"},
        {"assertion": {"id": "a", "response": {}, "more": 1}},
        {"assertion": {"id": "a", "response": {"more": 1}}},
        {"assertion": {"id": "a"}},
    ],
)
def test_what_is_no_answer_is_refused(site: Site, body: dict[str, Any]) -> None:
    """Before it is looked at."""
    client = site.signed_in()
    challenge = asked(client, change="recovery")
    assert 400 == client.post(f"{CHANGES}/{challenge['id']}", json=body).status_code
    assert 400 == client.post("/api/v1/challenges/x", json=body).status_code


def test_a_name_can_be_changed(site: Site) -> None:
    """By its owner, to something that can be read."""
    client = site.signed_in()
    (only,) = client.get("/api/v1/authenticators").json()["authenticators"]
    where = f"/api/v1/authenticators/{only['id']}/name"
    assert 204 == client.post(where, json={"name": "  Work phone "}).status_code
    assert 400 == client.post(where, json={"name": "\u200b"}).status_code
    assert ["Work phone"] == listed(client)
    stranger = "/api/v1/authenticators/" + "0" * 32 + "/name"
    assert 404 == client.post(stranger, json={"name": "Mine"}).status_code


@pytest.mark.parametrize("name", ["Tablet", " tABLET", "\uff34ablet"])
def test_no_two_have_the_same_name(site: Site, name: str) -> None:
    """What is approved names one; letters that only look different are the same."""
    client = site.signed_in()
    begun = proven(site, client, **APP)["enrolment"]
    assert 200 == confirmed(client, begun, code_of(site, begun)).status_code
    answer = client.post(CHANGES, json={**APP, "name": name})
    assert (400, "invalid") == error_of(answer)
    assert "tells them apart" in answer.json()["error"]["message"]
    every = client.get("/api/v1/authenticators").json()["authenticators"]
    other = next(one for one in every if one["name"] != "Tablet")
    where = f"/api/v1/authenticators/{other['id']}/name"
    assert 400 == client.post(where, json={"name": name}).status_code
    assert 204 == client.post(where, json={"name": other["name"].upper()}).status_code


def test_names_stay_apart_when_two_are_set_up_at_once(site: Site) -> None:
    """Of two that two sessions began under one name, the later one gets a number; it is told."""
    one, two = site.signed_in(), site.signed_in()
    first, second = (proven(site, client, **APP)["enrolment"] for client in (one, two))
    assert 200 == confirmed(one, first, code_of(site, first)).status_code
    made = confirmed(two, second, code_of(site, second)).json()["authenticator"]
    assert "Tablet 2" == made["name"]
    assert {"Tablet", "Tablet 2"} < set(listed(one))


def test_there_is_an_end_to_how_many(site: Site) -> None:
    """More apps mean more good codes at a moment."""
    client = site.signed_in()
    for number in range(MOST_APPS - 1):
        begun = proven(site, client, **{**APP, "name": f"App {number}"})["enrolment"]
        assert 200 == confirmed(client, begun, code_of(site, begun)).status_code
    assert (409, "too_many") == error_of(client.post(CHANGES, json=APP))


def test_the_first_factor_takes_a_ticket(site: Site) -> None:
    """A password alone never becomes a second factor; with the first one come recovery codes."""
    site.factors.remove(site.person.id)
    client = site.signed_in()
    assert client.get("/api/v1/authenticators").json()["first"]
    challenge = asked(client, **APP)
    assert ["ticket"] == challenge["factors"]
    where = f"{CHANGES}/{challenge['id']}"
    for guess in ("tk-22222-22222", "rc-22222-22222"):
        assert (403, "wrong") == error_of(client.post(where, json={"code": guess}))
    ticket = site.factors.tickets.issue(site.person.id)
    begun = client.post(where, json={"code": ticket.upper()}).json()["enrolment"]
    made = confirmed(client, begun, code_of(site, begun)).json()
    assert 10 == len(made["codes"])
    assert ["Tablet"] == listed(client)
    challenge = asked(client, change="recovery")
    assert ["totp", "recovery"] == challenge["factors"]
    used = client.post(f"{CHANGES}/{challenge['id']}", json={"code": ticket})
    assert (403, "wrong") == error_of(used)


def test_a_ticket_confirms_no_request_in_the_chat(site: Site) -> None:
    """It proves that a factor may be set up, and nothing else."""
    site.factors.remove(site.person.id)
    client = site.signed_in()
    site.agent.script = site.asks_for_code
    challenge = say(client, "my October payslip").json()["challenge"]
    ticket = site.factors.tickets.issue(site.person.id)
    answer = client.post(f"/api/v1/challenges/{challenge['id']}", json={"code": ticket})
    assert (False, []) == (answer.json()["accepted"], challenge["offers"])


def test_a_recovery_code_typed_into_the_chat_never_reaches_rasa(site: Site) -> None:
    """While a request waits it confirms it; at any other time it is masked or held back."""
    client = site.signed_in()
    codes = new_codes(site, client)
    site.agent.script = site.asks_for_code
    challenge = say(client, "show my payslip", "message-1").json()["challenge"]
    assert ["totp", "recovery"] == challenge["factors"]
    assert say(client, f"my recovery code is {codes[0].upper()}", "message-2").json()["accepted"]
    say(client, codes[1], "message-3")
    say(client, f"I found {codes[2]} in my drawer", "message-4")
    heard = " ".join(str(message.text) for message in site.agent.heard).lower()
    assert [] == [code for code in codes if code in heard or code[3:8] in heard]


def test_a_recovery_code_at_the_card(site: Site) -> None:
    """The form of the challenge takes it too, and used ones stay used."""
    client = site.signed_in()
    codes = new_codes(site, client)
    site.agent.script = site.asks_for_code
    for number, accepted in ((1, True), (2, False)):
        challenge = say(client, "show my payslip", f"message-{number}").json()["challenge"]
        body = {"id": f"code-000{number}", "code": codes[0]}
        answer = client.post(f"/api/v1/challenges/{challenge['id']}", json=body).json()
        assert accepted is answer["accepted"]


@pytest.mark.parametrize(
    "text",
    [
        "rc-2abcd-efghj",
        "RC 2ABCD EFGHJ",
        "see rc2abcdefghj please",
        "(rc-abcde-fghj9)",
        "tk-2abcd-efghj",
    ],
)
def test_recovery_codes_are_found_in_text(text: str) -> None:
    """However they are written."""
    assert find_code(text).code is not None
    assert "abcd" not in masked(text).lower()


@pytest.mark.parametrize(
    "text", ["rc hello world", "src-12345-abcde", "rc-1234-abcd", "arc 12345 67890"]
)
def test_other_text_is_left_alone(text: str) -> None:
    """What only looks a little like one is ordinary text."""
    assert text == masked(text)

"""A person's own factors over HTTP, and recovery codes in the chat."""

from __future__ import annotations

import httpx
import pytest

from gatehouse.channel.text import find_code, masked
from tests.unit.channel.harness import Site, say


def new_codes(site: Site, client: httpx.Client) -> list[str]:
    answer = client.post("/api/v1/authenticators/recovery", json={"code": site.code()})
    assert 200 == answer.status_code, answer.text
    codes: list[str] = answer.json()["codes"]
    site.clock.advance(30)
    return codes


def test_new_codes_are_shown_once(site: Site) -> None:
    """Afterwards only their number is."""
    client = site.signed_in()
    assert {"totp": True, "recovery_codes": 0} == client.get("/api/v1/authenticators").json()
    codes = new_codes(site, client)
    answer = client.get("/api/v1/authenticators")
    assert {"totp": True, "recovery_codes": 10} == answer.json()
    assert not [code for code in codes if code in answer.text]


@pytest.mark.parametrize(
    ("code", "status"), [("000000", 403), ("rc-22222-22222", 403), ("hello", 400), ("", 400)]
)
def test_without_a_good_code_there_are_none(site: Site, code: str, status: int) -> None:
    """A session alone changes no factor."""
    client = site.signed_in()
    answer = client.post("/api/v1/authenticators/recovery", json={"code": code})
    assert status == answer.status_code
    assert 0 == client.get("/api/v1/authenticators").json()["recovery_codes"]


def test_changing_factors_needs_the_csrf_token(site: Site) -> None:
    """Another site cannot void a person's recovery codes."""
    client = site.signed_in()
    del client.headers["X-CSRF-Token"]
    body = {"code": site.code()}
    assert 403 == client.post("/api/v1/authenticators/recovery", json=body).status_code


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
    "text", ["rc-2abcd-efghj", "RC 2ABCD EFGHJ", "see rc2abcdefghj please", "(rc-abcde-fghj9)"]
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

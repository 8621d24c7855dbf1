"""Codes by e-mail over HTTP, with a real mail server on this machine."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatehouse.channel.failures import ApiError
from gatehouse.channel.sending import MOST_WAITING, Sending
from gatehouse.clock import SystemClock
from gatehouse.ops.authority import LocalAuthority
from tests.mailserver import MailDesk
from tests.unit.channel.harness import Site, say
from tests.unit.channel.test_own_factors import CHANGES, asked, confirmed, error_of, proven

ADDRESS = "erin.walsh@example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    found = LocalAuthority(tmp_path_factory.mktemp("authority"))
    found.ensure(SystemClock().now())
    return found


@pytest.fixture
def desk(authority: LocalAuthority) -> Iterator[MailDesk]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    with MailDesk(context) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, authority: LocalAuthority, desk: MailDesk) -> Iterator[Site]:
    mail = {
        "GATEHOUSE_MAIL_HOST": "localhost",
        "GATEHOUSE_MAIL_PORT": str(desk.port),
        "GATEHOUSE_MAIL_SENDER": "desk@example.org",
        "GATEHOUSE_MAIL_AUTHORITY": str(authority.certificate_file),
        "GATEHOUSE_MAIL_DOMAINS": "example.org",
    }
    with Site(tmp_path, **mail) as running:
        yield running


def code_in(desk: MailDesk) -> str:
    code = r"(\d{3}) (\d{3}) is your code"
    found = [match for text in desk.texts if (match := re.search(code, text))][-1]
    return found[1] + found[2]


def with_mailbox(site: Site, client: httpx.Client, desk: MailDesk) -> str:
    change = {"change": "add", "kind": "email", "name": "Work", "address": ADDRESS}
    begun = proven(site, client, **change)["enrolment"]
    assert "e…@example.org" == begun["sent_to"]
    made = confirmed(client, begun, code_in(desk))
    assert 200 == made.status_code, made.text
    shown = made.json()["authenticator"]
    assert ("aal1", "e…@example.org") == (shown["level"], shown["sent_to"])
    identity: str = shown["id"]
    return identity


def waiting(site: Site, client: httpx.Client) -> dict[str, Any]:
    """A request that a code by e-mail may confirm."""

    def script(message: Any) -> list[dict[str, Any]]:
        asks = site.services.step_up.request

        def weak(**facts: Any) -> Any:
            return asks(**facts, level="aal1")

        site.services.step_up.request, kept = weak, asks
        try:
            return site.asks_for_code(message)
        finally:
            site.services.step_up.request = kept

    site.agent.script = script
    challenge: dict[str, Any] = say(client, "my October payslip").json()["challenge"]
    return challenge


def test_a_code_by_mail_confirms_a_request(site: Site, desk: MailDesk) -> None:
    """Asked for at the card, sent over TLS, typed, good once; where it went is shown shortened."""
    client = site.signed_in()
    identity = with_mailbox(site, client, desk)
    challenge = waiting(site, client)
    assert ("aal1", ["totp", "email"]) == (challenge["level"], challenge["factors"])
    (offer,) = (one for one in challenge["offers"] if one["kind"] == "email")
    assert (identity, "Work", "e…@example.org") == (offer["id"], offer["name"], offer["sent_to"])
    where = f"/api/v1/challenges/{challenge['id']}"
    sent = client.post(f"{where}/delivery", json={"authenticator": identity})
    assert {"sent_to": "e…@example.org", "again_in": 60} == sent.json()
    assert (429, "too_soon") == error_of(
        client.post(f"{where}/delivery", json={"authenticator": identity})
    )
    assert {True} == set(desk.inbox.over_tls)
    answer = client.post(where, json={"code": code_in(desk)}).json()
    assert (True, "Your net pay was 2 431.07 EUR.") == (
        answer["accepted"],
        answer["messages"][0]["text"],
    )
    assert "step_up_sent" in site.audit.kinds()


def test_only_ones_own_waiting_requests_are_sent_codes_for(site: Site, desk: MailDesk) -> None:
    """To one's own addresses, where such a code is worth enough."""
    client = site.signed_in()
    identity = with_mailbox(site, client, desk)
    challenge = waiting(site, client)
    where = f"/api/v1/challenges/{challenge['id']}/delivery"
    before = sum("is your code" in text for text in desk.texts)
    assert 404 == client.post(where, json={"authenticator": "0" * 32}).status_code
    assert 400 == client.post(where, json={"authenticator": "mine"}).status_code
    other = site.signed_in()
    assert (403, "unknown") == error_of(other.post(where, json={"authenticator": identity}))
    change = asked(client, change="recovery")
    assert ["totp"] == change["factors"]
    weak = client.post(f"{CHANGES}/{change['id']}/delivery", json={"authenticator": identity})
    assert 404 == weak.status_code
    assert before == sum("is your code" in text for text in desk.texts)


def test_notices_reach_the_mailbox(site: Site, desk: MailDesk) -> None:
    """What happens to one's factors is told there as well."""
    client = site.signed_in()
    with_mailbox(site, client, desk)
    proven(site, client, change="recovery")
    site.factors.close()
    assert any("New recovery codes were made" in text for text in desk.texts)
    assert [] == [text for text in desk.texts if "rc-" in text]


@pytest.mark.parametrize(
    "address", ["erin@example.com", "a@example.org\r\nBcc: b@example.org", "x"]
)
def test_codes_go_to_one_mailbox_of_the_organisation(site: Site, address: str) -> None:
    """Other domains, and what is more than a mailbox, are refused before anything is asked."""
    change = {"change": "add", "kind": "email", "name": "Mine", "address": address}
    assert (400, "invalid") == error_of(site.signed_in().post(CHANGES, json=change))


def test_a_mail_server_that_refuses_is_said(site: Site, desk: MailDesk) -> None:
    """As a sentence; other ways to confirm still work."""
    client = site.signed_in()
    identity = with_mailbox(site, client, desk)
    desk.inbox.refusal, desk.inbox.at = f"550 no mailbox {ADDRESS}", "RCPT"
    challenge = waiting(site, client)
    where = f"/api/v1/challenges/{challenge['id']}"
    refused = client.post(f"{where}/delivery", json={"authenticator": identity})
    assert (503, "not_sent") == error_of(refused)
    assert ADDRESS not in refused.text
    assert client.post(where, json={"code": site.code()}).json()["accepted"]


def test_a_mail_server_that_hangs_holds_nobody_up() -> None:
    """Sending waits in a few threads of its own: others have theirs, and who comes too many is told so."""

    async def scene() -> tuple[str, list[object]]:
        sending, hangs = Sending(), threading.Event()
        every = [
            asyncio.ensure_future(sending.run(lambda: hangs.wait(60)))
            for _ in range(MOST_WAITING + 3)
        ]
        await asyncio.sleep(0)
        answered = await asyncio.to_thread(lambda: "answered")
        hangs.set()
        outcomes = await asyncio.gather(*every, return_exceptions=True)
        sending.close()
        return answered, outcomes

    answered, outcomes = asyncio.run(scene())
    refused = [one for one in outcomes if isinstance(one, ApiError)]
    assert ("answered", 3, {(503, "not_sent")}) == (
        answered,
        len(refused),
        {(one.status, one.code) for one in refused},
    )
    assert MOST_WAITING == outcomes.count(True)

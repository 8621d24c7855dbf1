"""Messages of other systems through the running channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatehouse.channel.hooks import HANDLERS, PER_MINUTE
from gatehouse.webhooks.endpoints import KINDS
from gatehouse.webhooks.signature import sign
from tests.unit.channel.harness import HOOK_KEY, Site, sign_in

ID = "msg_leaver_0001"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, GATEHOUSE_LIMITS_STRANGERS_PER_SECOND="1000") as site:
        yield site


def send(
    site: Site, data: object, *, key: bytes = HOOK_KEY, name: str = "hr", message_id: str = ID
) -> httpx.Response:
    """A message as another system sends it: no cookie, no origin, no CSRF token."""
    body = json.dumps({"type": "person.left", "data": data}).encode()
    at = int(site.clock.now())
    with httpx.Client(base_url=site.origin, verify=False) as client:
        return client.post(
            f"/api/v1/hooks/{name}",
            content=body,
            headers={
                "Content-Type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(at),
                "webhook-signature": sign([key], message_id, at, body),
            },
        )


def test_a_leaver_is_out_at_once(site: Site) -> None:
    """The HR system says that somebody left: the account is closed and the open session ends."""
    client = site.signed_in()
    assert 200 == client.get("/api/v1/session").status_code
    answer = send(site, {"username": "erin.walsh"})
    assert (202, {"handled": True}) == (answer.status_code, answer.json())
    assert 401 == client.get("/api/v1/session").status_code
    assert ("webhook_received", "hr") in [
        (kind, facts.get("webhook")) for kind, facts in site.audit.entries
    ]


def test_nothing_of_a_leaver_opens_again_by_itself(site: Site) -> None:
    """An account that is enabled again has neither its password nor a second factor."""
    assert site.totp.enrolled(site.person.id)
    send(site, {"username": "erin.walsh"})
    site.directory.enable(site.person.id)
    assert 401 == sign_in(site.client()).status_code
    assert not site.totp.enrolled(site.person.id)


def test_the_same_message_again_does_nothing(site: Site) -> None:
    """A repeat is answered and does not close an account that was opened again since."""
    send(site, {"username": "erin.walsh"})
    site.directory.enable(site.person.id)
    assert {"handled": False} == send(site, {"username": "erin.walsh"}).json()
    person = site.directory.get(site.person.id)
    assert person is not None and not person.disabled


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": b"x" * 32}, "signature"),
        ({"name": "crm"}, "unknown source"),
        ({"message_id": "short"}, "headers"),
    ],
)
def test_a_forgery_changes_nothing_and_is_recorded(
    site: Site, changes: dict[str, object], reason: str
) -> None:
    """One answer for every reason; the reason is in the audit log."""
    answer = send(site, {"username": "erin.walsh"}, **changes)  # type: ignore[arg-type]
    assert (401, "refused") == (answer.status_code, answer.json()["error"]["code"])
    person = site.directory.get(site.person.id)
    assert person is not None and not person.disabled
    assert [reason] == [
        facts["reason"] for kind, facts in site.audit.entries if kind == "webhook_refused"
    ]


@pytest.mark.parametrize("data", [{}, {"username": 7}, {"username": "nobody"}])
def test_a_person_nobody_knows_is_refused(site: Site, data: object) -> None:
    """The sender, who proved to be one, is told why, and may send it again once the name is right."""
    answer = send(site, data)
    assert (422, "not_understood") == (answer.status_code, answer.json()["error"]["code"])
    assert "username" in answer.json()["error"]["message"]
    assert "unknown person" in str(site.audit.entries)
    assert 202 == send(site, {"username": "erin.walsh"}).status_code


def test_only_who_proves_to_be_the_sender_is_told_why(site: Site) -> None:
    """The same mistake under another signature looks like every other forgery."""
    assert 401 == send(site, {"username": "nobody"}, key=b"x" * 32).status_code


def test_every_kind_has_its_effect() -> None:
    """What `webhooks.toml` may name is what something is done with."""
    assert KINDS == set(HANDLERS)


def test_without_an_entry_in_the_log_nothing_happens(site: Site) -> None:
    """No audit entry, no effect."""
    site.audit.broken = True
    answer = send(site, {"username": "erin.walsh"})
    assert answer.status_code >= 500
    person = site.directory.get(site.person.id)
    assert person is not None and not person.disabled


def test_a_flood_of_messages_is_throttled(site: Site) -> None:
    """One address has a share per minute, good signature or not."""
    with httpx.Client(base_url=site.origin, verify=False) as client:
        answers = [
            client.post("/api/v1/hooks/hr", json={}).status_code for _ in range(PER_MINUTE + 1)
        ]
    assert {401} == set(answers[:-1])
    assert 429 == answers[-1]
    assert 1 == site.audit.kinds().count("webhook_refused")


def test_every_kind_that_acts_is_known_here() -> None:
    """What another system may cause is this list and nothing else."""
    assert {"person.left"} == set(HANDLERS)

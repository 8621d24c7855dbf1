"""Messages to other systems, against a real HTTPS server, good and hostile."""

from __future__ import annotations

import json

import pytest

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.webhooks import Outgoing, WebhookRefused, WebhookUnavailable
from gatehouse.webhooks.endpoints import Target
from gatehouse.webhooks.signature import is_signed
from tests.other_system import OtherSystem
from tests.unit.webhooks.conftest import NEW, OLD, target_of


class Sender:
    """An `Outgoing` to one target that does not really pause."""

    def __init__(self, target: Target, clock: SettableClock, address: str = "127.0.0.1") -> None:
        self.pauses: list[float] = []
        self.looked_up: list[str] = []

        def resolve(host: str, _port: int) -> list[str]:
            self.looked_up.append(host)
            return [address]

        self.outgoing = Outgoing(
            {target.name: target}, clock, resolve=resolve, pause=self.pauses.append
        )

    def deliver(self, **options: object):  # type: ignore[no-untyped-def]
        return self.outgoing.deliver("crm", "case.opened", {"case": "C-1"}, **options)


def test_a_message_arrives_signed_and_named(other: OtherSystem, clock: SettableClock) -> None:
    """JSON with kind, time and data; id and time are signed; the same id is the idempotency key."""
    other.answers = [(202, {}, b'{"ok": true}')]
    delivery = Sender(target_of(other), clock).deliver()
    assert (202, b'{"ok": true}', 1) == (delivery.status, delivery.answer, delivery.attempts)
    ((headers, body),) = other.got
    assert {"type", "timestamp", "data"} == json.loads(body).keys()
    assert {"case": "C-1"} == json.loads(body)["data"]
    assert delivery.id == headers["webhook-id"] == headers["idempotency-key"]
    at = int(headers["webhook-timestamp"])
    for key in (NEW, OLD):
        assert is_signed([key], delivery.id, at, body, headers["webhook-signature"])
    assert f"localhost:{other.port}" == headers["host"]


def test_it_is_sent_again_under_the_same_id_until_it_is_taken(
    other: OtherSystem, clock: SettableClock
) -> None:
    """Errors and a dropped connection are tried again with growing pauses; the id never changes."""
    other.answers = [(500, {}, b""), (0, {}, b""), (429, {"Retry-After": "7"}, b""), (200, {}, b"")]
    sender = Sender(target_of(other), clock)
    assert 4 == sender.deliver().attempts
    assert 1 == len({headers["webhook-id"] for headers, _ in other.got})
    assert sender.pauses[0] < sender.pauses[1] < sender.pauses[2]
    assert 7 <= sender.pauses[2]


def test_it_gives_up_in_time(other: OtherSystem, clock: SettableClock) -> None:
    """A system that asks to wait longer than the sender may is not waited for."""
    other.answers = [(503, {"Retry-After": "3600"}, b"")]
    with pytest.raises(WebhookUnavailable, match="status 503"):
        Sender(target_of(other), clock).deliver()
    assert 1 == len(other.got)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 409, 422])
def test_a_refusal_or_redirect_is_final(
    other: OtherSystem, clock: SettableClock, status: int
) -> None:
    """Nothing is sent to where an answer points, and a refused message is not repeated."""
    other.answers = [(status, {"Location": "https://localhost:1/elsewhere"}, b"")]
    with pytest.raises(WebhookRefused) as refused:
        Sender(target_of(other), clock).deliver()
    assert status == refused.value.status
    assert 1 == len(other.got)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "192.168.1.1", "224.0.0.1"]
)
def test_a_name_that_leads_inside_is_not_followed(
    other: OtherSystem, clock: SettableClock, address: str
) -> None:
    """Without a list a name may lead to public addresses only; nothing is connected to."""
    sender = Sender(target_of(other, addresses=()), clock, address)
    with pytest.raises(WebhookUnavailable, match="address not allowed"):
        sender.deliver(within=60)
    assert [] == other.got
    assert [] == sender.pauses, "the next attempt would lead to the same place"


def test_the_checked_address_is_the_one_that_is_used(
    other: OtherSystem, clock: SettableClock
) -> None:
    """The name is looked up once per attempt; a name server cannot answer differently later."""
    sender = Sender(target_of(other), clock)
    sender.deliver()
    assert ["localhost"] == sender.looked_up


def test_another_name_in_the_certificate_is_refused(
    other: OtherSystem, clock: SettableClock
) -> None:
    """TLS is checked for the name of the address that was configured, not for where it led."""
    target = target_of(other, url=f"https://crm.example.org:{other.port}/")
    with pytest.raises(WebhookUnavailable, match="its certificate or TLS is not accepted"):
        Sender(target, clock).deliver(within=0.1)
    assert [] == other.got


def test_an_unknown_authority_is_refused(other: OtherSystem, clock: SettableClock) -> None:
    """A certificate that the system's authorities do not know gets no message."""
    with pytest.raises(WebhookUnavailable, match="its certificate or TLS is not accepted"):
        Sender(target_of(other, authority=""), clock).deliver(within=0.1)
    assert [] == other.got


def test_an_endless_answer_is_not_read(other: OtherSystem, clock: SettableClock) -> None:
    """An answer over the limit counts as none."""
    other.answers = [(200, {}, b"x" * 200_000)]
    with pytest.raises(WebhookUnavailable, match="too long"):
        Sender(target_of(other), clock).deliver(within=0.1)


def test_what_cannot_be_sent_is_refused_before(other: OtherSystem, clock: SettableClock) -> None:
    """An unknown target, no JSON, too large: nothing is sent."""
    outgoing = Sender(target_of(other), clock).outgoing
    with pytest.raises(InvalidInput, match="no outgoing webhook"):
        outgoing.deliver("billing", "x", {})
    with pytest.raises(InvalidInput, match="plain JSON"):
        outgoing.deliver("crm", "x", {"a": float("nan")})
    with pytest.raises(InvalidInput, match="at most"):
        outgoing.deliver("crm", "x", {"a": "x" * 70_000})
    assert [] == other.got

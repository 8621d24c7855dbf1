"""Messages from other systems: each acts once, or not at all."""

from __future__ import annotations

import ipaddress
import json
import threading
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.errors import Unavailable
from gatehouse.webhooks import Event, Receiver, ReceiverBusy, ReceiverRefused
from gatehouse.webhooks.endpoints import Source
from gatehouse.webhooks.schema import metadata
from gatehouse.webhooks.signature import sign
from tests.patience import PATIENCE
from tests.unit.webhooks.conftest import NEW, OLD

ADDRESS = "203.0.113.7"
ID = "msg_0123456789"
BODY = json.dumps({"type": "person.left", "data": {"employee": "E-1"}}).encode()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    url = (
        f"sqlite:///{tmp_path / 'main.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    found = open_engine(str(url))
    metadata.create_all(found)
    request.addfinalizer(found.dispose)
    return found


@pytest.fixture
def receiver(engine: Engine, clock: SettableClock) -> Receiver:
    source = Source(
        "hr", (NEW, OLD), frozenset({"person.left"}), (ipaddress.ip_network("203.0.113.0/24"),)
    )
    return Receiver({"hr": source}, engine, clock)


def headers(
    clock: SettableClock, body: bytes = BODY, key: bytes = NEW, **changes: str
) -> dict[str, str]:
    at = int(clock.now())
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(at),
        "webhook-signature": sign([key], ID, at, body),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


def test_a_good_message_acts_once(receiver: Receiver, clock: SettableClock) -> None:
    """The first one is handled; the same one again, even much later, is not."""
    seen: list[Event] = []
    given = headers(clock)
    assert receiver.take("hr", given, BODY, ADDRESS, seen.append)
    assert not receiver.take("hr", given, BODY, ADDRESS, seen.append)
    clock.advance(200)
    assert not receiver.take("hr", headers(clock), BODY, ADDRESS, seen.append)
    assert [Event("hr", ID, "person.left", {"employee": "E-1"})] == seen


def test_the_older_secret_still_works(receiver: Receiver, clock: SettableClock) -> None:
    """During a rotation both secrets are taken."""
    assert receiver.take("hr", headers(clock, key=OLD), BODY, ADDRESS, lambda _: None)


@pytest.mark.parametrize(
    ("reason", "name", "address", "body", "changes"),
    [
        ("unknown source", "crm", ADDRESS, BODY, {}),
        ("address", "hr", "198.51.100.1", BODY, {}),
        ("address", "hr", "unknown", BODY, {}),
        ("headers", "hr", ADDRESS, BODY, {"webhook_id": "short"}),
        ("headers", "hr", ADDRESS, BODY, {"webhook_id": "x" * 65}),
        ("headers", "hr", ADDRESS, BODY, {"webhook_timestamp": "-5"}),
        ("headers", "hr", ADDRESS, BODY, {"webhook_timestamp": "1e9"}),
        ("headers", "hr", ADDRESS, BODY, {"webhook_timestamp": "٣"}),
        ("age", "hr", ADDRESS, BODY, {"webhook_timestamp": "1"}),
        ("age", "hr", ADDRESS, BODY, {"webhook_timestamp": "999999999999"}),
        ("signature", "hr", ADDRESS, BODY + b" ", {}),
        ("signature", "hr", ADDRESS, BODY, {"webhook_signature": ""}),
        ("signature", "hr", ADDRESS, BODY, {"webhook_id": "msg_another_one"}),
        ("size", "hr", ADDRESS, b"x" * 20_000, {}),
    ],
)
def test_a_forgery_is_refused(
    receiver: Receiver,
    clock: SettableClock,
    reason: str,
    name: str,
    address: str,
    body: bytes,
    changes: dict[str, str],
) -> None:
    """Each check by itself; nothing is handled and the sender is told nothing."""
    seen: list[Event] = []
    with pytest.raises(ReceiverRefused) as refused:
        receiver.take(name, headers(clock, **changes), body, address, seen.append)
    assert reason == refused.value.reason
    assert "the message was not accepted" == refused.value.message
    assert [] == seen


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"type": "person.left"}',
        b'{"type": 1, "data": {}}',
        b'{"type": "person.left", "data": {}, "data": {"employee": "E-2"}}',
        b'{"type": "person.left", "data": ' + b'{"a":' * 20 + b"1" + b"}" * 21,
        b"[" * 9000,
    ],
)
def test_signed_nonsense_is_refused(receiver: Receiver, clock: SettableClock, body: bytes) -> None:
    """Even from who holds the secret: no JSON, a name twice, too deep."""
    with pytest.raises(ReceiverRefused, match="not accepted") as refused:
        receiver.take("hr", headers(clock, body), body, ADDRESS, lambda _: None)
    assert "content" == refused.value.reason


def test_a_kind_that_was_not_agreed_is_refused(receiver: Receiver, clock: SettableClock) -> None:
    """A source may only say what webhooks.toml lists for it."""
    body = json.dumps({"type": "salary.changed", "data": {}}).encode()
    with pytest.raises(ReceiverRefused) as refused:
        receiver.take("hr", headers(clock, body), body, ADDRESS, lambda _: None)
    assert "kind" == refused.value.reason


def test_a_failed_message_may_come_again(receiver: Receiver, clock: SettableClock) -> None:
    """When the handler fails, nothing is remembered and the next attempt acts."""

    def fail(_: Event) -> None:
        raise Unavailable("the directory does not answer")

    seen: list[Event] = []
    with pytest.raises(Unavailable):
        receiver.take("hr", headers(clock), BODY, ADDRESS, fail)
    assert receiver.take("hr", headers(clock), BODY, ADDRESS, seen.append)
    assert 1 == len(seen)


def test_the_same_message_at_the_same_time_acts_once(
    receiver: Receiver, clock: SettableClock
) -> None:
    """While one is handled the other is told to come back; one whose handling died is taken over."""
    inside, leave = threading.Event(), threading.Event()
    seen: list[Event] = []

    def slow(event: Event) -> None:
        inside.set()
        assert leave.wait(PATIENCE)
        seen.append(event)

    first = threading.Thread(target=receiver.take, args=("hr", headers(clock), BODY, ADDRESS, slow))
    first.start()
    assert inside.wait(PATIENCE)
    with pytest.raises(ReceiverBusy):
        receiver.take("hr", headers(clock), BODY, ADDRESS, seen.append)
    leave.set()
    first.join()
    assert 1 == len(seen)


def test_one_that_died_in_the_middle_is_taken_over_after_a_minute(
    receiver: Receiver, clock: SettableClock
) -> None:
    """A process that was killed between taking and finishing does not block the message for good."""
    event = receiver.verified("hr", headers(clock), BODY, ADDRESS)
    assert receiver._begin(event)
    with pytest.raises(ReceiverBusy):
        receiver.take("hr", headers(clock), BODY, ADDRESS, lambda _: None)
    clock.advance(61)
    assert receiver.take("hr", headers(clock), BODY, ADDRESS, lambda _: None)


def test_ids_are_kept_as_long_as_a_replay_could_pass(
    receiver: Receiver, clock: SettableClock
) -> None:
    """Pruning never lets a message act twice: it forgets only what is too old to be accepted."""
    given = headers(clock)
    assert receiver.take("hr", given, BODY, ADDRESS, lambda _: None)
    for _ in range(5):
        clock.advance(150)
        receiver.prune()
        try:
            assert not receiver.take("hr", given, BODY, ADDRESS, lambda _: None)
        except ReceiverRefused as refused:
            assert "age" == refused.reason

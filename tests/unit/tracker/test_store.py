"""The store as Rasa builds and uses it: construction, failures, the broker, and what is on disk."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import check_if_tracker_store_async, create_tracker_store
from rasa.shared.core.events import SlotSet
from rasa.utils.endpoints import EndpointConfig

from gatehouse import runtime
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.settings import Retention
from gatehouse.tracker import EncryptedTrackerStore, TrackerConflict, TrackerUnavailable
from gatehouse.tracker.errors import EventRefused
from gatehouse.tracker.journal import Addition
from gatehouse.tracker.redaction import RedactingBroker, redacted
from gatehouse.tracker.schema import conversations, metadata, records, snapshots
from gatehouse.tracker.window import Needs
from tests.unit.tracker.conftest import DOMAIN, TTL, Deployment, run
from tests.unit.tracker.scripts import all_scripts, greeting, said, timed

TYPE = "gatehouse.tracker.EncryptedTrackerStore"


def _services(deployment: Deployment) -> SimpleNamespace:
    retention = Retention(ttl=TTL, purge_interval=60, on_end="destroy")
    return SimpleNamespace(
        engine=deployment.engine,
        ring=deployment.ring,
        clock=deployment.clock,
        settings=SimpleNamespace(retention=retention),
        audit=deployment.audit,
        conversations=deployment.conversations,
    )


def test_rasa_builds_it_from_endpoints(local: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tracker_store: {type: …}` gives this store, over the services of the process."""
    monkeypatch.setattr(runtime, "current", lambda: _services(local))
    monkeypatch.setattr("gatehouse.tracker.store._channel_serves", True)
    store = create_tracker_store(EndpointConfig(type=TYPE), DOMAIN)
    assert type(store) is EncryptedTrackerStore
    assert store.domain is DOMAIN
    local.turn("c", *greeting())
    assert run(store.exists("c")) is True


@pytest.mark.parametrize("error", [ImportError, AttributeError])
def test_rasa_does_not_replace_it_in_silence(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Rasa answers with its memory store is raised as something that stops the start."""

    def fail() -> None:
        raise error("broken")

    monkeypatch.setattr(runtime, "current", fail)
    with pytest.raises(NotReady):
        create_tracker_store(EndpointConfig(type=TYPE), DOMAIN)


@pytest.mark.parametrize("setting", [{"url": "localhost"}, {"db": "x"}, {"ttl": 5}])
def test_settings_in_endpoints_are_refused(setting: dict[str, Any]) -> None:
    """A setting that would have no effect is not accepted."""
    with pytest.raises(InvalidInput, match="is not a setting"):
        create_tracker_store(EndpointConfig(type=TYPE, **setting), DOMAIN)


def test_it_is_asynchronous(local: Deployment) -> None:
    """Rasa does not wrap it as an old, synchronous store."""
    assert check_if_tracker_store_async(local.store)


def test_database_work_is_off_the_event_loop(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement runs in the thread of the event loop."""
    threads = set()
    sa.event.listen(
        deployment.engine,
        "before_cursor_execute",
        lambda *_given: threads.add(threading.current_thread()),
    )
    deployment.turn("c", *greeting())
    run(deployment.store.retrieve_full_tracker("c"))
    run(deployment.store.keys())
    assert threads
    assert threading.main_thread() not in threads


def test_new_events_are_published_once(local: Deployment) -> None:
    """The broker hears of each event after it was stored, and never twice."""
    published: list[dict[str, Any]] = []
    broker = SimpleNamespace(publish=published.append)
    local.store = local.open_store(event_broker=broker)
    local.turn("c", *greeting("one"))
    local.turn("c", *greeting("two"))
    stored = local.events("c") or []
    assert [(e["event"], int(e["timestamp"])) for e in stored] == [
        (e["event"], e["timestamp"]) for e in published
    ]
    assert 1 == len({e["sender_id"] for e in published})


def test_a_broker_is_called_on_the_loop_that_connected_it(local: Deployment) -> None:
    """Its connection belongs to that loop; turns run on another one."""
    heard: list[asyncio.AbstractEventLoop] = []
    broker = SimpleNamespace(publish=lambda event: heard.append(asyncio.get_running_loop()))

    async def connected() -> asyncio.AbstractEventLoop:
        local.store = local.open_store(event_broker=broker)
        await asyncio.to_thread(local.turn, "c", *greeting())
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    home = run(connected())
    assert heard
    assert {home} == set(heard)


@pytest.mark.parametrize("kind", ["file", "SQL"])
def test_no_secret_reaches_a_broker(local: Deployment, tmp_path: Path, kind: str) -> None:
    """Through Rasa's own brokers: no text, entity, slot, metadata, name or id; two conversations
    can be told apart, and their names are in no table of ours."""
    out = tmp_path / "published"
    options = {"path": str(out)} if kind == "file" else {"dialect": "sqlite", "db": str(out)}
    endpoint = EndpointConfig(type=kind, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy 1.4 on its own future, from Rasa's code
        broker = run(EventBroker.create(endpoint))
    local.store = local.open_store(event_broker=broker)
    assert type(local.store.event_broker) is RedactingBroker
    for conversation in ("markedsender", "markedother"):
        for events in [*all_scripts()["form"], *all_scripts()["restarted"]]:
            local.turn(conversation, *events)
        local.turn(conversation, *timed(*said("markedtext", "markedintent", date="markedvalue")))
        local.turn(conversation, *timed(SlotSet("leave_kind", "markedvalue")))
    content = out.read_bytes()
    for word in ("marked", "greet", "leave", "_form", "web", "monday", "2027-02", "annual"):
        assert word.encode() not in content.replace(b"active_loop", b""), word
    assert content.count(b"session_started") >= 2
    names = set(re.findall(rb'"sender_id": "([0-9a-f]{32})"', content))
    assert 2 == len(names)
    for path in (tmp_path / "gatehouse.db", tmp_path / "gatehouse.db-wal"):
        assert not any(name in path.read_bytes() for name in names)


def test_a_kind_of_event_that_is_not_known_stays_unnamed() -> None:
    """An event of one's own, or a name that is none, is published as something that happened."""
    for event in ({"event": "my_secret_kind", "x": "y"}, {"event": 7}, {}):
        assert {"sender_id": "p", "event": "other", "timestamp": None} == redacted(event, "p")


def test_a_broker_that_fails_does_not_fail_the_turn(
    local: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """The turn is stored and answered; what the broker says of it is not repeated in a log."""

    def fail(event: dict[str, Any]) -> None:
        raise ConnectionError(f"cannot publish markedtext {event}")

    local.store = local.open_store(event_broker=SimpleNamespace(publish=fail))
    local.turn("c", *greeting("one"))
    assert 5 == len(local.events("c") or [])
    assert "was not published error=builtins.ConnectionError" in caplog.text
    assert "markedtext" not in caplog.text


def test_nothing_is_published_when_nothing_was_stored(local: Deployment) -> None:
    """An event that was refused does not reach the broker."""
    published: list[dict[str, Any]] = []
    local.store = local.open_store(event_broker=SimpleNamespace(publish=published.append))
    with pytest.raises(EventRefused):
        local.turn("c", *timed(SlotSet("leave_kind", object())))
    assert published == []
    assert local.rows(records) == []


def test_an_unknown_kind_of_event_is_an_error(local: Deployment) -> None:
    """What this version of Rasa cannot restore is not left out."""
    local.store._journal.append("c", None, lambda _held: Addition([{"event": "from the future"}]))
    with pytest.raises(TrackerUnavailable, match="does not know"):
        run(local.store.retrieve("c"))


def test_two_turns_at_once_do_not_mix(deployment: Deployment) -> None:
    """If two processes answer in one conversation at once, the second is refused."""
    deployment.turn("c", *greeting())
    one, two = (run(deployment.store.retrieve("c")) for _ in range(2))
    assert one and two
    for tracker in (one, two):
        for event in greeting():
            tracker.update(event)
    run(deployment.store.save(one))
    with pytest.raises(TrackerConflict):
        run(deployment.store.save(two))
    assert len(deployment.events("c") or []) == 9


def test_two_first_turns_at_once_do_not_mix(deployment: Deployment) -> None:
    """Also at the beginning only one of two is stored."""
    trackers = [
        run(deployment.store.get_or_create_tracker("c", append_action_listen=False))
        for _ in range(2)
    ]
    for tracker in trackers:
        for event in greeting():
            tracker.update(event)
    run(deployment.store.save(trackers[0]))
    with pytest.raises(TrackerConflict):
        run(deployment.store.save(trackers[1]))
    assert len(deployment.rows(records)) == 1


def test_conversations_at_once(deployment: Deployment) -> None:
    """Many conversations are served at the same time without mixing or failing."""

    async def converse(name: str) -> None:
        for turn in range(4):
            tracker = await deployment.store.get_or_create_tracker(name, append_action_listen=False)
            for event in greeting(f"{name} says {turn}"):
                tracker.update(event)
            await deployment.store.save(tracker)

    async def all_at_once() -> None:
        await asyncio.gather(*(converse(f"c{number}") for number in range(8)))

    run(all_at_once())
    for number in range(8):
        texts = [e["text"] for e in deployment.events(f"c{number}") or [] if e["event"] == "user"]
        assert texts == [f"c{number} says {turn}" for turn in range(4)]


def test_an_unreachable_database_is_an_error(deployment: Deployment) -> None:
    """No table, no server: the turn is refused; it is not an empty conversation."""
    deployment.turn("c", *greeting())
    metadata.drop_all(deployment.engine)
    for read in (
        deployment.store.retrieve("c"),
        deployment.store.retrieve_full_tracker("c"),
        deployment.store.keys(),
        deployment.store.exists("c"),
    ):
        with pytest.raises(TrackerUnavailable):
            run(read)
    with pytest.raises(GatehouseError):
        deployment.turn("new", *greeting())


def test_a_full_disk_refuses_the_turn_and_loses_nothing(local: Deployment) -> None:
    """When the database cannot grow, the turn is refused whole; with room again it goes on."""
    local.store.needs = Needs(states=3, visible=4)
    for number in range(7):
        local.turn("c", *greeting(f"turn {number}"))
    before = local.events("c")
    with local.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    local.engine.dispose()

    def full(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(local.engine, "connect", full)
    with pytest.raises(TrackerUnavailable):
        local.turn("c", *greeting("x" * 20_000))
    assert before == local.events("c")
    sa.event.remove(local.engine, "connect", full)
    local.engine.dispose()
    local.restart()
    assert before == local.events("c")
    local.turn("c", *greeting("there is room again"))
    assert len(before or []) + 4 == len(local.events("c") or [])


def test_errors_do_not_quote_what_was_said(deployment: Deployment) -> None:
    """Neither an id nor text gets into an error that may be logged."""
    deployment.turn("marked-id", *greeting("marked text"))
    metadata.drop_all(deployment.engine)
    with pytest.raises(TrackerUnavailable) as caught:
        deployment.turn("marked-id", *greeting("marked text"))
    assert "marked" not in caught.value.diagnostics()
    assert "marked" not in str(caught.value.__cause__)


def test_no_plaintext_on_disk(local: Deployment, tmp_path: Path) -> None:
    """No text, slot, intent, action, sender or person is in any file, nor in the -wal file."""
    marks = ["markedtext", "markedvalue", "markedintent", "markedaction", "markedsender"]
    held = local.engine.raw_connection()  # SQLite removes the -wal file with the last connection
    local.conversations.started("markedsender", "markedperson")
    local.store.needs = Needs(states=3, visible=4)
    for number in range(20):
        local.turn(
            "markedsender",
            *timed(
                *said(f"markedtext {number}", "markedintent", date="markedvalue"),
                SlotSet("leave_kind", "markedvalue"),
            ),
            *greeting("markedaction"),
        )
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"gatehouse.db-wal", "ring.db-wal"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes().lower()
        for mark in [*marks, "markedperson", "session_started", "utter_greet", "user"]:
            assert mark.encode() not in content, f"{mark} in {path.name}"
            assert mark.encode("utf-16-le") not in content, f"{mark} in {path.name}"
    held.close()


def test_no_plaintext_in_any_row(deployment: Deployment) -> None:
    """The same, seen through the database's own eyes, on both kinds."""
    deployment.conversations.started("markedsender", "markedperson")
    deployment.store.needs = Needs(states=3, visible=4)
    for _ in range(8):
        deployment.turn("markedsender", *greeting("markedtext"))
    assert deployment.rows(snapshots)
    everything = b" ".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for table in (conversations, records, snapshots)
        for row in deployment.rows(table)
        for value in row
    )
    assert b"marked" not in everything
    assert b"utter_greet" not in everything


def test_purge_empties_the_write_ahead_log(local: Deployment, tmp_path: Path) -> None:
    """After a purge the deleted rows are in neither file of the database."""
    held = local.engine.raw_connection()
    local.turn("c", *greeting())
    (envelope,) = (bytes(row.envelope) for row in local.rows(records))
    assert envelope[:64] in (tmp_path / "gatehouse.db-wal").read_bytes()
    local.clock.advance(TTL)
    local.conversations.purge()
    for name in ("gatehouse.db", "gatehouse.db-wal"):
        assert envelope[:64] not in (tmp_path / name).read_bytes()
    held.close()


def test_tags_die_with_their_day(local: Deployment) -> None:
    """Once the day is over, not even membership can be confirmed from an old row."""
    local.conversations.started("c", "p-1")
    names = local.store._journal.names
    (row,) = local.rows(conversations)
    assert row.tag in names.conversation_tags("c")
    assert row.person_tag in names.person_tags("p-1")
    local.clock.advance(2 * 86_400)
    local.conversations.purge()
    local.conversations.started("c", "p-1")
    assert row.tag not in names.conversation_tags("c")
    assert row.person_tag not in names.person_tags("p-1")


def test_a_turn_is_one_record(deployment: Deployment) -> None:
    """Each turn adds one row, whatever the number of its events."""
    for number in range(1, 4):
        deployment.turn("c", *greeting(), *greeting())
        assert len(deployment.rows(records)) == number


def test_sqlite_file_is_private(local: Deployment, tmp_path: Path) -> None:
    """The database file has mode 0600 and opens as plain SQLite (nothing else reads it)."""
    local.turn("c", *greeting())
    assert (tmp_path / "gatehouse.db").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "gatehouse.db") as connection:
        assert connection.execute("SELECT count(*) FROM gh_records").fetchone() == (1,)
    connection.close()

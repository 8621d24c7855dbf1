"""How conversations begin, expire, end and are erased."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gatehouse.keys import KeyRingUnavailable
from gatehouse.tracker import ConversationEnded, ConversationOwned, Summary
from gatehouse.tracker.schema import conversations, records
from tests.unit.tracker.conftest import TTL, Deployment, run
from tests.unit.tracker.scripts import greeting


class Crash(BaseException):
    """Stands for SIGKILL."""


def _crash(*_given: object) -> None:
    raise Crash


def test_expires_to_the_second_after_the_last_message(deployment: Deployment) -> None:
    """Each message prolongs the life; at its end nothing is returned, though nothing was purged."""
    deployment.turn("c", *greeting())
    deployment.clock.advance(TTL - 1)
    deployment.turn("c", *greeting())
    deployment.clock.advance(TTL - 0.001)
    assert len(deployment.events("c") or []) == 9
    deployment.clock.advance(0.001)
    assert deployment.events("c") is None
    assert run(deployment.store.retrieve("c")) is None
    assert run(deployment.store.exists("c")) is False
    assert list(run(deployment.store.keys())) == []
    assert len(deployment.rows(records)) == 2


def test_lives_through_many_days(deployment: Deployment) -> None:
    """A conversation that goes on over midnight moves with its expiry day."""
    deployment.conversations.started("c", "p-1")
    for _ in range(60):
        deployment.turn("c", *greeting())
        deployment.clock.advance(TTL - 1)
        deployment.conversations.purge()
    assert len(deployment.events("c") or []) == 241
    assert len(deployment.conversations.summary("p-1")) == 1
    assert len(deployment.ring.tag_keys()) <= 2


def test_begins_anew_after_expiry(deployment: Deployment) -> None:
    """The same id may be used again; nothing of the old conversation is in the new one."""
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting("old"))
    deployment.clock.advance(TTL)
    deployment.conversations.started("c", "p-2")
    deployment.turn("c", *greeting("new"))
    assert "old" not in str(deployment.events("c"))
    assert deployment.conversations.summary("p-1") == ()
    assert len(deployment.rows(conversations)) == 1


def test_purge_removes_keys_and_rows(deployment: Deployment) -> None:
    """After expiry a purge ends the keys, deletes the rows and leaves the living alone."""
    deployment.turn("a", *greeting())
    deployment.turn("a", *greeting())
    deployment.clock.advance(TTL / 2)
    deployment.turn("b", *greeting())
    deployment.clock.advance(TTL / 2)
    purged = deployment.conversations.purge()
    assert (purged.keys, purged.conversations, purged.records) == (1, 1, 2)
    assert len(deployment.events("b") or []) == 5
    again = deployment.conversations.purge()
    assert (again.keys, again.conversations, again.records) == (0, 0, 0)


def test_a_purge_takes_many_in_small_steps(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one step's worth goes in one purge, and what is held is closed in its step."""
    monkeypatch.setattr("gatehouse.tracker.lifecycle._STEP", 1)
    for name in "abcdef":
        deployment.turn(name, *greeting())
        deployment.clock.advance(1)
    handle = deployment.rows(conversations)[0].handle
    mine = conversations.c.handle == handle
    deployment.execute(sa.update(conversations).values(held_since=1.0).where(mine))
    deployment.clock.advance(TTL - 2)
    purged = deployment.conversations.purge()
    assert (4, 4) == (purged.conversations, purged.records)
    assert 2 == len(deployment.rows(conversations))
    (held,) = (row for row in deployment.rows(conversations) if row.handle == handle)
    assert held.closed_at == deployment.clock.now()


def test_request_and_carrying_out(deployment: Deployment) -> None:
    """The turn that asks for its end is stored; carrying out then destroys everything."""
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting())
    tracker = run(deployment.store.retrieve("c"))
    assert tracker is not None
    assert deployment.conversations.request_end("c") is True
    for event in greeting("goodbye"):
        tracker.update(event)
    run(deployment.store.save(tracker))
    (ended,) = deployment.conversations.carry_out("c")
    assert (ended.conversation_id, ended.person_id, ended.reason) == ("c", "p-1", "end")
    assert ended.erased_at == ended.irreversible_at == deployment.clock.now()
    assert deployment.rows(conversations) == deployment.rows(records) == []
    assert deployment.conversations.carry_out("c") == []
    assert run(deployment.store.retrieve("c")) is None


def test_end_of_an_unknown_conversation(deployment: Deployment) -> None:
    """There is nothing to end and nothing is claimed to be."""
    assert deployment.conversations.request_end("nobody") is False
    assert deployment.conversations.destroy("nobody") == []


def test_end_may_keep_until_expiry(deployment: Deployment) -> None:
    """With `on_end = "keep"` an ended conversation lives until it expires; an erasure wins."""
    keeping = deployment.open_conversations(on_end="keep")
    deployment.turn("c", *greeting())
    keeping.request_end("c")
    (ended,) = keeping.carry_out("c")
    assert (ended.reason, ended.erased_at) == ("end", None)
    assert keeping.carry_out("c") == []
    assert deployment.events("c") is not None
    keeping.started("c", "p-1")
    keeping.request_end("c")
    keeping.request_erasure("p-1")
    (ended,) = keeping.carry_out("c")
    assert ended.erased_at is not None
    assert deployment.events("c") is None


def test_erasure_reaches_all_conversations_of_the_person(deployment: Deployment) -> None:
    """Asked for in one conversation, all of the person's go, also on other days; nobody else's."""
    deployment.conversations.started("a", "p-1")
    deployment.turn("a", *greeting())
    deployment.clock.advance(TTL - 60)
    for conversation, person in (("b", "p-1"), ("c", "p-2")):
        deployment.conversations.started(conversation, person)
        deployment.turn(conversation, *greeting())
    assert deployment.conversations.request_erasure("p-1") == 2
    ended = deployment.conversations.carry_out("b")
    assert sorted(e.conversation_id or "" for e in ended) == ["a", "b"]
    assert {e.reason for e in ended} == {"erasure"}
    assert deployment.events("a") is None
    assert deployment.events("c") is not None
    assert deployment.conversations.erase_person("p-2")[0].person_id == "p-2"
    assert deployment.rows(conversations) == []


def test_a_request_survives_a_crash(deployment: Deployment) -> None:
    """Killed before carrying out: the next purge completes it, but not while the turn may run."""
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting())
    deployment.conversations.request_erasure("p-1")
    deployment.restart()
    assert deployment.conversations.purge().ended == ()
    deployment.clock.advance(120)
    (ended,) = deployment.conversations.purge().ended
    assert (ended.conversation_id, ended.reason) == ("c", "erasure")
    assert deployment.rows(conversations) == []


def test_a_crash_between_key_and_rows_is_completed(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the key went and before the rows did: unreadable, and completed later."""
    deployment.turn("c", *greeting())
    with monkeypatch.context() as patch:
        patch.setattr("gatehouse.tracker.endings.remove", _crash)
        with pytest.raises(Crash):
            deployment.conversations.destroy("c")
    deployment.restart()
    assert deployment.events("c") is None
    (ended,) = deployment.conversations.carry_out()
    assert ended.reason == "end"
    assert deployment.rows(conversations) == deployment.rows(records) == []


def test_the_next_turn_completes_an_interrupted_end(deployment: Deployment) -> None:
    """A person who comes back after the crash finds an empty conversation, and can go on."""
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting("old"))
    deployment.conversations.request_end("c")
    deployment.restart()
    deployment.turn("c", *greeting("new"))
    assert "old" not in str(deployment.events("c"))
    assert len(deployment.rows(records)) == 1


@pytest.mark.parametrize("how", ["destroyed", "expired"])
@pytest.mark.parametrize("purged", [False, True])
def test_a_turn_does_not_bring_back_what_ended_meanwhile(
    deployment: Deployment, how: str, purged: bool
) -> None:
    """A save after the end stores nothing, under the old key or a new one."""
    deployment.turn("c", *greeting())
    tracker = run(deployment.store.retrieve("c"))
    assert tracker is not None
    if how == "destroyed":
        deployment.conversations.destroy("c")
    else:
        deployment.clock.advance(TTL)
    if purged:
        deployment.conversations.purge()
    for event in greeting("late"):
        tracker.update(event)
    with pytest.raises(ConversationEnded):
        run(deployment.store.save(tracker))
    assert deployment.events("c") is None


def test_a_first_turn_does_not_bring_back_what_ended_meanwhile(deployment: Deployment) -> None:
    """Also a conversation that was only registered is gone once it was destroyed."""
    deployment.conversations.started("c", "p-1")
    tracker = run(deployment.store.get_or_create_tracker("c", append_action_listen=False))
    deployment.conversations.destroy("c")
    for event in greeting("late"):
        tracker.update(event)
    with pytest.raises(ConversationEnded):
        run(deployment.store.save(tracker))
    assert deployment.rows(conversations) == []


def test_a_conversation_that_began_again_is_not_the_old_one(deployment: Deployment) -> None:
    """A late save for the old conversation does not write into the new one of the same id."""
    deployment.turn("c", *greeting("old"))
    tracker = run(deployment.store.retrieve("c"))
    assert tracker is not None
    deployment.conversations.destroy("c")
    deployment.turn("c", *greeting("new"))
    for event in greeting("late"):
        tracker.update(event)
    with pytest.raises(ConversationEnded):
        run(deployment.store.save(tracker))
    assert len(deployment.events("c") or []) == 5


def test_a_conversation_belongs_to_one_person(deployment: Deployment) -> None:
    """Registering is idempotent for its person and refused for another."""
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting())
    deployment.conversations.started("c", "p-1")
    with pytest.raises(ConversationOwned):
        deployment.conversations.started("c", "p-2")
    assert len(deployment.events("c") or []) == 5


def test_a_conversation_without_a_person_can_be_claimed(deployment: Deployment) -> None:
    """What began in a shell has no person until it is registered."""
    deployment.turn("c", *greeting())
    deployment.conversations.started("c", "p-1")
    assert len(deployment.conversations.summary("p-1")) == 1
    assert len(deployment.events("c") or []) == 5


def test_summary_counts_and_dates(deployment: Deployment) -> None:
    """A person is told how many turns are stored, since when and until when."""
    start = deployment.clock.now()
    deployment.conversations.started("c", "p-1")
    for _ in range(3):
        deployment.clock.advance(10)
        deployment.turn("c", *greeting())
    expected = Summary(start, start + 30, start + 30 + TTL, 3)
    assert deployment.conversations.summary("p-1") == (expected,)
    assert deployment.conversations.summary("p-2") == ()
    deployment.clock.advance(TTL)
    assert deployment.conversations.summary("p-1") == ()


def test_an_end_that_fails_stays_written_down(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the key cannot be destroyed now, the caller is told and a later try completes it."""
    deployment.turn("c", *greeting())

    def refuse(_names: object) -> int:
        raise KeyRingUnavailable("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(deployment.ring, "destroy", refuse)
        with pytest.raises(KeyRingUnavailable):
            deployment.conversations.destroy("c")
    assert len(deployment.rows(conversations)) == 1
    assert len(deployment.conversations.carry_out()) == 1

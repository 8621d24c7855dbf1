"""Every way of altering stored conversations is refused, audited, and not answered with silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from gatehouse.tracker import TrackerTampered
from gatehouse.tracker.schema import conversations, records
from tests.unit.tracker.conftest import Deployment, run
from tests.unit.tracker.scripts import greeting, session

Tampering = Callable[[Deployment], None]


def _flip(data: bytes, position: int = -1) -> bytes:
    altered = bytearray(data)
    altered[position] ^= 1
    return bytes(altered)


def _set(table: sa.Table, where: Any, **values: Any) -> Tampering:
    return lambda deployment: deployment.execute(sa.update(table).where(where).values(**values))


def _of(deployment: Deployment, conversation_id: str) -> Any:
    """The row of a conversation."""
    tags = deployment.store._journal.names.conversation_tags(conversation_id)
    (row,) = deployment.execute(sa.select(conversations).where(conversations.c.tag.in_(tags)))
    return row


def _record(deployment: Deployment, handle: str, sequence: int) -> Any:
    where = (records.c.handle == handle) & (records.c.sequence == sequence)
    return where, deployment.execute(sa.select(records.c.envelope).where(where))[0][0]


def flip_a_bit_of_a_record(deployment: Deployment) -> None:
    where, envelope = _record(deployment, _of(deployment, "c").handle, 3)
    deployment.execute(sa.update(records).where(where).values(envelope=_flip(bytes(envelope))))


def cut_a_record(deployment: Deployment) -> None:
    where, envelope = _record(deployment, _of(deployment, "c").handle, 3)
    deployment.execute(sa.update(records).where(where).values(envelope=bytes(envelope)[:-1]))


def drop_the_last_record(deployment: Deployment) -> None:
    where, _ = _record(deployment, _of(deployment, "c").handle, 4)
    deployment.execute(sa.delete(records).where(where))


def drop_a_record_in_between(deployment: Deployment) -> None:
    where, _ = _record(deployment, _of(deployment, "c").handle, 3)
    deployment.execute(sa.delete(records).where(where))


def drop_all_records(deployment: Deployment) -> None:
    where = records.c.handle == _of(deployment, "c").handle
    deployment.execute(sa.delete(records).where(where))


def add_a_record(deployment: Deployment) -> None:
    handle = _of(deployment, "c").handle
    _, envelope = _record(deployment, handle, 4)
    deployment.execute(sa.insert(records).values(handle=handle, sequence=5, envelope=envelope))


def exchange_two_records(deployment: Deployment) -> None:
    handle = _of(deployment, "c").handle
    (one, first), (two, second) = (_record(deployment, handle, n) for n in (3, 4))
    deployment.execute(sa.update(records).where(one).values(envelope=second))
    deployment.execute(sa.update(records).where(two).values(envelope=first))


def repeat_a_record_in_another_place(deployment: Deployment) -> None:
    handle = _of(deployment, "c").handle
    (_, first), (two, _) = (_record(deployment, handle, n) for n in (3, 4))
    deployment.execute(sa.update(records).where(two).values(envelope=first))


def take_a_record_of_another_conversation(deployment: Deployment) -> None:
    _, foreign = _record(deployment, _of(deployment, "other").handle, 3)
    where, _ = _record(deployment, _of(deployment, "c").handle, 3)
    deployment.execute(sa.update(records).where(where).values(envelope=foreign))


def take_the_head_of_another_conversation(deployment: Deployment) -> None:
    head = _of(deployment, "other").head
    _set(conversations, conversations.c.handle == _of(deployment, "c").handle, head=head)(
        deployment
    )


def flip_a_bit_of_the_head(deployment: Deployment) -> None:
    row = _of(deployment, "c")
    _set(conversations, conversations.c.handle == row.handle, head=_flip(bytes(row.head)))(
        deployment
    )


def exchange_two_conversations(deployment: Deployment) -> None:
    one, two = _of(deployment, "c"), _of(deployment, "other")
    for row, tag in ((one, b"x" * 32), (two, one.tag), (one, two.tag)):
        _set(conversations, conversations.c.handle == row.handle, tag=tag)(deployment)


def live_longer(deployment: Deployment) -> None:
    row = _of(deployment, "c")
    _set(conversations, conversations.c.handle == row.handle, expires_at=row.expires_at + 9999)(
        deployment
    )


def expire_earlier(deployment: Deployment) -> None:
    row = _of(deployment, "c")
    _set(conversations, conversations.c.handle == row.handle, expires_at=row.started_at)(deployment)


def ask_for_an_end_that_nobody_wanted(deployment: Deployment) -> None:
    where = conversations.c.handle == _of(deployment, "c").handle
    deployment.execute(
        sa.update(conversations).where(where).values(end_requested_at=deployment.clock.now())
    )


def write_an_end_with_a_reason(deployment: Deployment) -> None:
    _forge_an_end(deployment, "end", None)


def write_an_erasure_with_a_proof(deployment: Deployment) -> None:
    _forge_an_end(deployment, "erasure", b"x" * 32)


def take_the_end_of_another_conversation(deployment: Deployment) -> None:
    deployment.conversations.request_end("other")
    asked = _of(deployment, "other")
    _forge_an_end(deployment, asked.end_reason, asked.end_proof, asked.end_requested_at)


def make_an_erasure_of_an_end(deployment: Deployment) -> None:
    deployment.conversations.request_end("c")
    asked = _of(deployment, "c")
    _forge_an_end(deployment, "erasure", asked.end_proof, asked.end_requested_at)


def _forge_an_end(
    deployment: Deployment, reason: str, proof: bytes | None, at: float | None = None
) -> None:
    row = _of(deployment, "c")
    at = deployment.clock.now() if at is None else at
    values = {"end_reason": reason, "end_proof": proof, "end_requested_at": at}
    _set(conversations, conversations.c.handle == row.handle, **values)(deployment)


def belong_to_nobody(deployment: Deployment) -> None:
    row = _of(deployment, "c")
    _set(conversations, conversations.c.handle == row.handle, person_tag=None)(deployment)


def belong_to_someone_else(deployment: Deployment) -> None:
    row, other = _of(deployment, "c"), _of(deployment, "other")
    _set(conversations, conversations.c.handle == row.handle, person_tag=other.person_tag)(
        deployment
    )


def delete_the_conversation(deployment: Deployment) -> None:
    where = conversations.c.handle == _of(deployment, "c").handle
    deployment.execute(sa.delete(conversations).where(where))


def lose_the_key(deployment: Deployment) -> None:
    deployment.ring.destroy([deployment.store._journal.names.ring_name("c")])


TAMPERINGS = [
    flip_a_bit_of_a_record,
    cut_a_record,
    drop_the_last_record,
    drop_a_record_in_between,
    drop_all_records,
    add_a_record,
    exchange_two_records,
    repeat_a_record_in_another_place,
    take_a_record_of_another_conversation,
    take_the_head_of_another_conversation,
    flip_a_bit_of_the_head,
    exchange_two_conversations,
    live_longer,
    expire_earlier,
    ask_for_an_end_that_nobody_wanted,
    write_an_end_with_a_reason,
    write_an_erasure_with_a_proof,
    take_the_end_of_another_conversation,
    make_an_erasure_of_an_end,
    belong_to_nobody,
    belong_to_someone_else,
    delete_the_conversation,
    lose_the_key,
]


def _two_conversations(deployment: Deployment) -> None:
    for conversation, person in (("c", "p-1"), ("other", "p-2")):
        deployment.conversations.started(conversation, person)
        deployment.turn(conversation, *greeting("first session"))
        deployment.turn(conversation, *session(), *greeting("second session"))
        deployment.turn(conversation, *greeting("third"))
        deployment.turn(conversation, *greeting("fourth"))


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_tampering_is_refused(deployment: Deployment, tamper: Tampering) -> None:
    """The altered conversation is refused for reading and for the next turn, and audited."""
    _two_conversations(deployment)
    tamper(deployment)
    before = _snapshot(deployment)
    _assert_refused(deployment)
    deployment.restart()
    _assert_refused(deployment)
    assert _snapshot(deployment) == before


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (expire_earlier, "expiry_altered"),
        (write_an_end_with_a_reason, "end_altered"),
        (write_an_erasure_with_a_proof, "end_altered"),
    ],
    ids=["expiry", "end", "erasure"],
)
def test_a_purge_destroys_nothing_that_was_made_to_look_dead(
    deployment: Deployment, tamper: Tampering, reason: str
) -> None:
    """It is kept as it is, counted and recorded once; what is really over goes all the same."""
    _two_conversations(deployment)
    before = _of(deployment, "c")
    tamper(deployment)
    deployment.conversations.request_end("other")
    deployment.clock.advance(300)
    purged = [deployment.conversations.purge(), deployment.conversations.purge()]
    assert [1, 1] == [one.altered for one in purged]
    assert ["other"] == [one.conversation_id for one in purged[0].ended]
    assert [before.handle] == [row.handle for row in deployment.rows(conversations)]
    assert [("tamper", None, reason)] == deployment.audit.entries
    assert [before.handle] == deployment.audit.records
    assert not deployment.conversations.carry_out()
    where = conversations.c.handle == before.handle
    deployment.execute(sa.update(conversations).where(where).values(dict(before._mapping)))
    assert 0 == deployment.conversations.purge().altered
    assert deployment.events("c")


def test_a_forged_end_does_not_stand_in_the_way_of_a_real_one(deployment: Deployment) -> None:
    """Whoever asks then, gets it: a person's erasure must not be held up by a forger."""
    _two_conversations(deployment)
    write_an_end_with_a_reason(deployment)
    assert 1 == deployment.conversations.request_erasure("p-1")
    assert ["erasure"] == [one.reason for one in deployment.conversations.carry_out()]


def test_more_forged_expiries_than_are_deleted_at_a_time(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge comes to an end and deletes what is over behind them."""
    from gatehouse.tracker import lifecycle

    monkeypatch.setattr(lifecycle, "_STEP", 2)
    for number in range(5):
        deployment.conversations.started(f"c-{number}", "p")
    deployment.execute(sa.update(conversations).values(expires_at=0.0))
    purged = deployment.conversations.purge()
    assert (5, 0) == (purged.altered, purged.conversations)


def _assert_refused(deployment: Deployment) -> None:
    for read in (deployment.store.retrieve, deployment.store.retrieve_full_tracker):
        with pytest.raises(TrackerTampered) as caught:
            run(read("c"))
        assert caught.value.exit_code == 5
        assert ("tamper", "c", caught.value.reason) == deployment.audit.entries[-1]
    with pytest.raises(TrackerTampered):
        deployment.turn("c", *greeting("after"))


def _snapshot(deployment: Deployment) -> dict[str, list[Any]]:
    return {table.name: deployment.rows(table) for table in (conversations, records)}


def _put_back(deployment: Deployment, before: dict[str, list[Any]]) -> None:
    deployment.execute(sa.delete(records))
    deployment.execute(sa.delete(conversations))
    for table in (conversations, records):
        for row in before[table.name]:
            deployment.execute(sa.insert(table).values(dict(row._mapping)))


def test_an_old_state_of_the_database_is_refused(deployment: Deployment) -> None:
    """A conversation that was put back as a whole, consistent in itself, is behind the ring."""
    _two_conversations(deployment)
    before = _snapshot(deployment)
    deployment.turn("c", *greeting("fifth"))
    _put_back(deployment, before)
    with pytest.raises(TrackerTampered) as caught:
        run(deployment.store.retrieve("c"))
    assert caught.value.reason == "put_back"
    assert deployment.events("other") is not None


def test_an_old_head_alone_is_refused(deployment: Deployment) -> None:
    """An old head with the newer records still there is refused."""
    _two_conversations(deployment)
    before = _of(deployment, "c")
    deployment.turn("c", *greeting("fifth"))
    where = conversations.c.handle == before.handle
    deployment.execute(sa.update(conversations).where(where).values(dict(before._mapping)))
    with pytest.raises(TrackerTampered):
        run(deployment.store.retrieve("c"))


def test_a_database_ahead_of_the_ring_is_accepted(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two commits of a turn: the turn is there after the restart."""

    class Crash(BaseException):
        pass

    def crash(*_given: object, **_named: object) -> None:
        raise Crash

    deployment.turn("c", *greeting("first"))
    with monkeypatch.context() as patch:
        patch.setattr(deployment.ring, "advance", crash)
        with pytest.raises(Crash):
            deployment.turn("c", *greeting("second"))
    deployment.restart()
    assert len(deployment.events("c") or []) == 9
    deployment.turn("c", *greeting("third"))
    assert len(deployment.events("c") or []) == 13


def test_a_backup_does_not_bring_back_the_erased(deployment: Deployment) -> None:
    """Rows of an erased conversation put back from a backup do not open and do not start anew."""
    _two_conversations(deployment)
    before = _snapshot(deployment)
    deployment.conversations.erase_person("p-1")
    _put_back(deployment, before)
    with pytest.raises(TrackerTampered) as caught:
        run(deployment.store.retrieve("c"))
    assert caught.value.reason == "key_missing"
    assert len(deployment.events("other") or []) == 19


def test_keys_refuse_an_altered_head(deployment: Deployment) -> None:
    """The list of conversations is not silently shorter."""
    _two_conversations(deployment)
    flip_a_bit_of_the_head(deployment)
    with pytest.raises(TrackerTampered):
        run(deployment.store.keys())

"""Legal holds: what they keep, for whom, and that nothing is left of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.errors import InvalidInput
from gatehouse.tracker import TrackerTampered
from gatehouse.tracker.hold_book import Hold
from gatehouse.tracker.holds import LAPSES_AFTER, Holds
from gatehouse.tracker.schema import conversations, holds, records
from gatehouse.tracker.transcript import words_of
from tests.unit.tracker.conftest import TTL, Deployment, _deploy, run
from tests.unit.tracker.scripts import greeting

KEY = b"h" * 32


class Log:
    def __init__(self) -> None:
        self.entries: list[tuple[str, str | None]] = []

    def append(self, kind: str, **facts: object) -> int:
        by = facts.get("by")
        done = facts["reason"] if kind == "tamper" else facts["operation"]
        self.entries.append((str(done), None if by is None else str(by)))
        return len(self.entries)

    def pseudonym(self, kind: str, identity: str) -> str:
        return f"{kind} {identity}"


@pytest.fixture
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """On SQLite; on PostgreSQL too where a test says so."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield from _deploy(f"sqlite:///{tmp_path / 'gatehouse.db'}", tmp_path)
    else:
        yield from _deploy(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def desk(deployment: Deployment, log: Log) -> Holds:
    """The holds of a deployment in which p-1 has two conversations and p-2 one."""
    for name, person in (("a", "p-1"), ("b", "p-1"), ("c", "p-2")):
        deployment.conversations.started(name, person)
        deployment.turn(name, *greeting(f"the words of {name}"))
    return Holds(deployment.engine, deployment.ring, deployment.clock, KEY, log)


def active(desk: Holds, undisclosed: str = "") -> Hold:
    hold = desk.propose("p-1", "p-7", "case 4711", undisclosed)
    return desk.approve(hold.id, "p-8")


def words(desk: Holds, hold: Hold, by: str = "p-7") -> list[str]:
    return [words_of(events)[0]["text"] for _, events in desk.read(hold.id, by)]


HELD = ["the words of a", "the words of b"]


def _expire(deployment: Deployment) -> None:
    deployment.clock.advance(TTL)
    deployment.conversations.purge()


def _erase(deployment: Deployment) -> None:
    deployment.conversations.erase_person("p-1")


def _end(deployment: Deployment) -> None:
    for name in ("a", "b"):
        deployment.conversations.destroy(name)


ENDS = pytest.mark.parametrize(
    ("deployment", "end"),
    [("sqlite", _expire), ("sqlite", _erase), ("sqlite", _end), ("postgresql", _expire),
     ("postgresql", _erase)],
    indirect=["deployment"],
)  # fmt: skip


@ENDS
def test_held_conversations_survive_for_the_holders_only(
    deployment: Deployment, desk: Holds, end: Callable[[Deployment], None]
) -> None:
    """Whatever ends them, they are gone for their person and the desk, and the two read them."""
    hold = active(desk)
    end(deployment)
    deployment.restart()
    assert None is deployment.events("a")
    assert () == deployment.conversations.summary("p-1")
    assert HELD == sorted(words(desk, hold)) == sorted(words(desk, hold, "p-8"))
    assert [] == [key for key in run(deployment.store.keys()) if key in "ab"]
    for stranger in ("p-1", "p-2", "p-9", ""):
        with pytest.raises(InvalidInput, match="only the two"):
            desk.read(hold.id, stranger)


@ENDS
def test_nobody_chats_on_with_it(
    deployment: Deployment, desk: Holds, end: Callable[[Deployment], None]
) -> None:
    """The same id begins anew; the held words are not in it, and the new ones are not held."""
    hold = active(desk)
    end(deployment)
    deployment.conversations.started("a", "p-1")
    deployment.turn("a", *greeting("something new"))
    assert "the words of a" not in str(deployment.events("a"))
    assert HELD == sorted(words(desk, hold))
    deployment.conversations.destroy("a")
    assert HELD == sorted(words(desk, hold))


def test_what_is_said_under_a_hold_is_held_too(deployment: Deployment, desk: Holds) -> None:
    """A hold on a living conversation follows it; the person chats on as before."""
    hold = active(desk)
    deployment.turn("a", *greeting("more words"))
    assert 9 == len(deployment.events("a") or [])
    _expire(deployment)
    said = [item["text"] for _, events in desk.read(hold.id, "p-7") for item in words_of(events)]
    assert "more words" in said


@ENDS
def test_release_lets_what_is_over_die_at_once(
    deployment: Deployment, desk: Holds, end: Callable[[Deployment], None]
) -> None:
    """Rows and keys go, the ring moves on, and what lives loses its mark only."""
    hold = active(desk)
    end(deployment)
    generation = deployment.ring.generation
    desk.release(hold.id, "p-8")
    assert generation < deployment.ring.generation
    assert [None, None] == [deployment.ring.held(handle) for handle in hold.handles]
    left = {row.handle for row in deployment.rows(conversations)}
    assert left.isdisjoint(hold.handles)
    assert {row.handle for row in deployment.rows(records)} <= left
    with pytest.raises(InvalidInput, match="released"):
        desk.read(hold.id, "p-7")


def test_release_of_the_living_leaves_them_be(deployment: Deployment, desk: Holds) -> None:
    """They expire in their time as if there had been no hold."""
    hold = active(desk)
    desk.release(hold.id, "p-7")
    assert 5 == len(deployment.events("a") or [])
    _expire(deployment)
    assert [] == deployment.rows(records)


def test_it_takes_two_who_are_not_the_person(desk: Holds) -> None:
    """One alone, the same twice, or the person concerned: refused, and nothing can be read."""
    with pytest.raises(InvalidInput, match="their own"):
        desk.propose("p-1", "p-1", "case 4711")
    hold = desk.propose("p-1", "p-7", "case 4711")
    for nobody in ("p-7", "p-1"):
        with pytest.raises(InvalidInput, match="second person"):
            desk.approve(hold.id, nobody)
    with pytest.raises(InvalidInput, match="proposed, not active"):
        desk.read(hold.id, "p-7")


def test_a_proposal_keeps_and_lapses(deployment: Deployment, desk: Holds, log: Log) -> None:
    """Nothing expires while the second person is asked; after a day without an answer all goes."""
    hold = desk.propose("p-1", "p-7", "case 4711")
    _expire(deployment)
    assert HELD == sorted(words(desk, desk.approve(hold.id, "p-8")))
    desk.release(hold.id, "p-7")
    other = desk.propose("p-2", "p-7", "case 4712") if deployment.events("c") else None
    assert None is other
    deployment.conversations.started("d", "p-3")
    deployment.turn("d", *greeting())
    late = desk.propose("p-3", "p-7", "case 4713")
    deployment.clock.advance(LAPSES_AFTER)
    with pytest.raises(InvalidInput, match="lapsed"):
        desk.approve(late.id, "p-8")
    deployment.conversations.purge()
    assert 1 == desk.lapse()
    assert [] == deployment.rows(records)
    assert 0 == desk.lapse()
    assert ("lapsed", None) == log.entries[-1]


def test_two_holds_on_one_conversation(deployment: Deployment, desk: Holds) -> None:
    """Releasing one does not let go what the other holds."""
    first, second = active(desk), active(desk)
    _erase(deployment)
    desk.release(first.id, "p-7")
    assert HELD == sorted(words(desk, second))
    desk.release(second.id, "p-7")
    assert {"p-2"} >= {"p-2" for row in deployment.rows(conversations)}
    assert 1 == len(deployment.rows(conversations))


def test_every_step_is_on_record_first(desk: Holds, log: Log) -> None:
    """Proposal, approval, each reading and the release, with who did it, before it is done."""
    hold = active(desk)
    desk.read(hold.id, "p-8")
    desk.release(hold.id, "p-7")
    assert [
        ("proposed", "person p-7"),
        ("active", "person p-8"),
        ("read", "person p-8"),
        ("released", "person p-7"),
    ] == log.entries


def test_no_record_no_hold(deployment: Deployment, desk: Holds, log: Log) -> None:
    """When the log cannot be written nothing is held and nothing is read."""
    hold = active(desk)

    def refuse(kind: str, **facts: object) -> int:
        raise OSError("disk full")

    log.append = refuse  # type: ignore[method-assign]
    with pytest.raises(OSError):
        desk.read(hold.id, "p-7")
    with pytest.raises(OSError):
        desk.propose("p-2", "p-7", "case 4712")
    assert [hold] == desk.all()


def test_the_person_is_told_if_the_law_allows(desk: Holds) -> None:
    """A hold in force is shown with its reason; one that a law keeps secret, or a proposal, is not."""
    assert [] == desk.shown_to("p-1")
    hold = active(desk)
    active(desk, undisclosed="section 47 of some act")
    assert ["case 4711"] == [found.reason for found in desk.shown_to("p-1")]
    assert [True, True] == [desk.disclosed(handle) for handle in hold.handles]
    assert [] == desk.shown_to("p-2")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb", "a\u202eb"])
def test_a_hold_needs_a_reason(desk: Holds, reason: str) -> None:
    """Empty, endless or invisible reasons are refused, and so is a person without conversations."""
    with pytest.raises(InvalidInput):
        desk.propose("p-1", "p-7", reason)
    with pytest.raises(InvalidInput, match="no conversation"):
        desk.propose("p-5", "p-7", "case 4711")


def test_the_database_shows_neither_who_nor_why(deployment: Deployment, desk: Holds) -> None:
    """The row of a hold is sealed, and its state cannot be turned back."""
    hold = active(desk)
    stored = str([tuple(row) for row in deployment.rows(holds)])
    for secret in ("p-1", "p-7", "4711"):
        assert secret not in stored
    desk.release(hold.id, "p-7")
    deployment.execute(sa.update(holds).values(state="active"))
    with pytest.raises(TrackerTampered):
        desk.read(hold.id, "p-7")


@pytest.mark.parametrize("forged", [False, True], ids=["altered", "forged"])
def test_an_altered_hold_stands_in_nobodys_way_and_lets_nothing_go(
    deployment: Deployment, desk: Holds, log: Log, forged: bool
) -> None:
    """The others are listed, read and told of; while it is there, nothing that is held dies."""
    hold = active(desk)
    waits = desk.propose("p-2", "p-7", "case 4712")
    if forged:
        deployment.execute(
            sa.insert(holds).values(id="f" * 16, state="active", changed_at=0.0, sealed=b"x" * 200)
        )
    else:
        other = active(desk)
        deployment.execute(sa.update(holds).where(holds.c.id == other.id).values(state="released"))
    found, altered = desk.readable()
    assert ({hold.id, waits.id}, 1) == ({one.id for one in found}, len(altered))
    assert ["case 4711"] == [one.reason for one in desk.shown_to("p-1")]
    assert desk.disclosed(hold.handles[0])
    assert words(desk, hold)
    _erase(deployment)
    deployment.clock.advance(2 * 86_400)
    for let_go in (desk.lapse, lambda: desk.release(hold.id, "p-7")):
        with pytest.raises(TrackerTampered, match="hold altered"):
            let_go()
    deployment.conversations.purge()
    assert words(desk, hold)
    assert 1 == log.entries.count(("hold_altered", None))
    deployment.execute(sa.delete(holds).where(holds.c.id == altered[0]))
    assert 1 == desk.lapse()
    desk.release(hold.id, "p-7")


def test_a_mark_that_was_taken_off_is_put_back(
    deployment: Deployment, desk: Holds, log: Log
) -> None:
    """Who clears it in the database does not make a purge delete what is held; a release still does."""
    hold = active(desk)
    deployment.execute(sa.update(conversations).values(held_since=None))
    assert (2, 0) == (desk.mark_again(), desk.mark_again())
    assert 2 == log.entries.count(("hold_mark_altered", None))
    _expire(deployment)
    assert HELD == sorted(words(desk, hold))
    desk.release(hold.id, "p-7")
    assert 0 == desk.mark_again()
    assert set(hold.handles).isdisjoint(row.handle for row in deployment.rows(conversations))


def test_a_held_record_that_was_altered_is_told(deployment: Deployment, desk: Holds) -> None:
    """Evidence that was tampered with does not pass as evidence."""
    hold = active(desk)
    _erase(deployment)
    deployment.execute(sa.update(records).values(envelope=b"x" * 200))
    with pytest.raises(TrackerTampered):
        desk.read(hold.id, "p-7")


def test_what_ends_at_the_same_moment_is_not_held(
    deployment: Deployment, desk: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation whose key goes between the mark and the copy leaves nothing behind, and does
    not stand in the way of the others."""
    keep = Holds._keep

    def late(self: Holds, names: dict[str, str]) -> None:
        deployment.conversations.destroy("a")
        keep(self, names)

    with monkeypatch.context() as patch:
        patch.setattr(Holds, "_keep", late)
        hold = desk.propose("p-1", "p-7", "case 4711")
    assert 1 == len(hold.handles)
    assert ["the words of b"] == words(desk, desk.approve(hold.id, "p-8"))
    assert 2 == len(deployment.rows(conversations))

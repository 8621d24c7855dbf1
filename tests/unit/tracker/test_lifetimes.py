"""How long a conversation lives: the time to live, a fixed deadline, retention classes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.tracker.lifetimes import Lifetime
from tests.unit.tracker.conftest import TTL, Deployment, run
from tests.unit.tracker.scripts import greeting, said, timed

CLASSES = {"request_leave": 600, "inform": 60, "slow": 10 * TTL}


def _kept(intent: str) -> int | None:
    return CLASSES.get(intent) if intent else min(CLASSES.values())


def _use(deployment: Deployment, **given: object) -> None:
    life = Lifetime(TTL, retention_of=_kept, **given)  # type: ignore[arg-type]
    deployment.store = deployment.open_store(life=life)


def test_a_class_is_the_last_word(deployment: Deployment) -> None:
    """From the moment of a short-lived request the conversation has that long, whatever follows."""
    _use(deployment)
    deployment.conversations.started("c", "p-1")
    deployment.turn("c", *greeting())
    deployment.clock.advance(300)
    deployment.turn("c", *timed(*said("i need leave", "request_leave")))
    (before,) = deployment.conversations.summary("p-1")
    deployment.clock.advance(599)
    deployment.turn("c", *greeting())
    (after,) = deployment.conversations.summary("p-1")
    assert before.expires_at == after.expires_at == before.started_at + 900
    assert (True, True) == (before.fixed, after.fixed)
    deployment.clock.advance(1)
    assert deployment.events("c") is None
    assert 1 == deployment.conversations.purge().conversations
    assert () == deployment.conversations.summary("p-1")


def test_a_class_survives_a_restart(deployment: Deployment) -> None:
    """The limit is sealed with the conversation; a process that knows no classes keeps it."""
    _use(deployment)
    deployment.turn("c", *timed(*said("i need leave", "request_leave")))
    deployment.restart()
    deployment.turn("c", *greeting())
    deployment.clock.advance(600)
    assert deployment.events("c") is None


def test_a_long_class_prolongs_nothing(deployment: Deployment) -> None:
    """A class that is longer than the time to live changes nothing: it only ever shortens."""
    _use(deployment)
    deployment.turn("c", *timed(*said("later", "slow")))
    deployment.clock.advance(TTL)
    assert deployment.events("c") is None


def test_a_fixed_deadline_does_not_move(deployment: Deployment) -> None:
    """Counted from the start, messages do not prolong the life."""
    _use(deployment, from_start=True)
    deployment.turn("c", *greeting())
    for _ in range(3):
        deployment.clock.advance(TTL / 4)
        deployment.turn("c", *greeting())
    deployment.clock.advance(TTL / 4 - 0.001)
    assert deployment.events("c") is not None
    deployment.clock.advance(0.001)
    assert run(deployment.store.retrieve("c")) is None


def test_an_older_ring_does_not_outlive_the_class(local: Deployment) -> None:
    """A copy of the ring from before the class was touched opens nothing once the purge has run."""
    _use(local)
    local.turn("c", *greeting())
    kept = local.directory / "old-ring.db"
    local.ring.copy_to(kept)
    local.turn("c", *timed(*said("4711", "inform")))
    generation = local.ring.generation
    local.clock.advance(60)
    assert 1 == local.conversations.purge().keys
    assert generation < local.ring.generation


@pytest.mark.parametrize("parsed", [{}, {"intent": None}, {"intent": {"name": None}}])
def test_a_message_without_intent_gets_the_shortest_class(parsed: dict[str, object]) -> None:
    """What was not understood may be anything."""
    life = Lifetime(TTL, retention_of=_kept)
    assert 160.0 == life.deadline(None, [{"event": "user", "parse_data": parsed}], 100.0)


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(0, 500), st.sampled_from([*CLASSES, "greet"])), min_size=1),
    from_start=st.booleans(),
)
def test_no_limit_is_ever_passed(steps: list[tuple[float, str]], from_start: bool) -> None:
    """Whatever is said when, the end is within the time to live and within every class touched."""
    life = Lifetime(TTL, from_start, _kept)
    now, deadline, limits = 0.0, None, []
    for pause, intent in steps:
        now += pause
        event = {"event": "user", "parse_data": {"intent": {"name": intent}}}
        deadline = life.deadline(deadline, [event], now)
        if intent in CLASSES:
            limits.append(now + CLASSES[intent])
        ends = life.expires_at(0.0, now, deadline)
        assert ends <= min([*limits, TTL if from_start else now + TTL])
        assert ends in [*limits, TTL if from_start else now + TTL]

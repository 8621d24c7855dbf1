"""Whatever an entity or a slot holds, the answer is an answer or a question back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions import answering
from actions.records.sql import SqlRecords
from gatehouse.db import open_engine
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.step_up_action import guarded_action_for
from gatehouse.dialogue.turn import Ask, Reply
from tests.unit.actions.conftest import AUDREY, COLIN, ERIN, HANNA, MARCO, turn
from tests.unit.actions.test_package import REQUESTS

SLOTS = [
    "topic", "period", "year", "person", "health_plan", "approval", "leave_kind", "start_date",
    "end_date", "iban", "street", "postcode", "city", "incident_description", "confirmed",
]  # fmt: skip
ENTITIES = ["period", "date", "year", "leave_kind", "person", "iban", "health_plan", "postcode"]
NASTY = [
    "", " ", "\x00", "\u202e", "' OR 1=1 --", "{person}", "%s%n", "../../etc/passwd", "0", "-1",
    "9" * 40, "E-" + "9" * 30, "E-1001\n", "9999-12-31", "0001-01", "Q9", "١٢/٢٠٢٦", "A" * 4000,
    "<script>", "\ud800", "june june june", "e\u0301" * 50, "DE89370400440532013000",
]  # fmt: skip

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=60))
values = st.one_of(texts, st.none(), st.booleans(), st.integers(), st.lists(texts, max_size=2))


@pytest.fixture(scope="module", autouse=True)
def shared_records(tmp_path_factory: pytest.TempPathFactory, seeded: Path) -> Iterator[None]:
    """One database for the module: what these tests write does not matter."""
    path = tmp_path_factory.mktemp("hostile") / "records.db"
    path.write_bytes(seeded.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    patch = pytest.MonkeyPatch()
    opened = SqlRecords(engine)
    patch.setattr(answering, "_source", lambda: opened)
    yield
    patch.undo()
    engine.dispose()


def action_of(intent: str) -> GuardedAction:
    action = guarded_action_for(intent)
    assert action is not None
    return action


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=300,
)
@given(
    intent=st.sampled_from(REQUESTS),
    who=st.sampled_from([ERIN, MARCO, HANNA, COLIN, AUDREY, "", "E-0", "nobody"]),
    slots=st.dictionaries(st.sampled_from(SLOTS), values, max_size=6),
    entities=st.dictionaries(st.sampled_from(ENTITIES), texts, max_size=3),
    key=st.uuids().map(str),
)
def test_only_answers_and_questions(
    runtime: SimpleNamespace,
    intent: str,
    who: str,
    slots: dict[str, Any],
    entities: dict[str, str],
    key: str,
) -> None:
    """No value makes an action raise anything but a question back."""
    asked = turn(who, slots=slots, key=key, **entities)
    action = action_of(intent)
    try:
        bound = action.request_values(asked)
        assert all(isinstance(value, str) for value in bound.values())
        assert isinstance(action.prompt(asked, bound), str)
        subject, _ = action.subject(asked)
        assert subject in {"self", "team", "anyone"}
        assert isinstance(action.perform(asked), Reply)
    except Ask as question:
        assert question.question

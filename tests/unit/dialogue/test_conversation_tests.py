"""The runner of conversation tests fails wherever Rasa would pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from rasa.core.test import EvaluationStore, WronglyClassifiedUserUtterance
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.dialogue import conversation_tests
from gatehouse.errors import InvalidInput, NotReady
from tests.needs import need

PROJECT = Path(__file__).resolve().parents[3]
MODEL = PROJECT / "models" / "current.tar.gz"
DOMAIN = PROJECT / "domain.yml"
STORY = """
stories:
- story: "as nobody: {name}"
  steps:
  - user: |
      hello
    intent: greet
  - action: {action}
"""


@pytest.fixture
def model() -> Path:
    need(MODEL.is_file(), "no trained model; run `gatehouse train`")
    return MODEL


def write(directory: Path, *stories: str) -> Path:
    for number, story in enumerate(stories):
        (directory / f"test_{number}.yml").write_text(story, encoding="utf-8")
    return directory


def test_no_model_is_a_failure(tmp_path: Path) -> None:
    """Without a model nothing was tested, so it is an error."""
    with pytest.raises(NotReady):
        conversation_tests.run(tmp_path / "none.tar.gz", tmp_path, DOMAIN)


def test_no_stories_is_a_failure(model: Path, tmp_path: Path) -> None:
    """A directory without stories is an error, not a success."""
    with pytest.raises(InvalidInput, match="no conversation test"):
        conversation_tests.run(model, tmp_path, DOMAIN)


def test_two_stories_of_one_name_are_a_mistake(model: Path, tmp_path: Path) -> None:
    """Two stories that share a name are refused before one hides the other."""
    story = STORY.format(name="hello", action="utter_greet")
    with pytest.raises(InvalidInput, match="two conversation tests"):
        conversation_tests.run(model, write(tmp_path, story, story), DOMAIN)


def test_failed_story_fails(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A story that goes differently is named with the difference; one that fits passes. Both are
    run although their events before the answer are the same."""
    from gatehouse.dialogue import gate

    class Nobody:
        def admit(self, request: gate.GateRequest) -> gate.Verdict:
            return gate.Verdict("deny", "utter_refused_not_signed_in")

    monkeypatch.setattr(gate, "_gate", Nobody())
    stories = write(
        tmp_path,
        STORY.format(name="refused", action="utter_refused_not_signed_in"),
        STORY.format(name="refused as well", action="utter_refused_not_signed_in"),
        STORY.format(name="greeted", action="utter_greet"),
    )
    outcome = conversation_tests.run(model, stories, DOMAIN)
    assert {"as nobody: refused", "as nobody: refused as well"} == set(outcome.passed)
    assert ["as nobody: greeted"] == [name for name, _ in outcome.failed]
    _, difference = outcome.failed[0]
    assert "did utter_refused_not_signed_in, expected utter_greet" == difference


def test_other_entities_are_named() -> None:
    """When the intent was understood and the entities were not, the entities are what is shown."""
    seen = EvaluationStore(
        intent_predictions=["view_payslip"],
        intent_targets=["view_payslip"],
        entity_predictions=[],
        entity_targets=[
            {"text": "t", "start": 0, "end": 3, "entity": "month", "value": "May"},
        ],
    )
    event = WronglyClassifiedUserUtterance(UserUttered("May pay"), seen)
    tracker = DialogueStateTracker.from_events("story", [event])
    expected = "'May pay': entities differ: understood none; expected month=May"
    assert expected == conversation_tests._difference(tracker)


def test_another_intent_is_named() -> None:
    """Both intents are shown."""
    seen = EvaluationStore(intent_predictions=["greet"], intent_targets=["view_payslip"])
    event = WronglyClassifiedUserUtterance(UserUttered("May pay"), seen)
    tracker = DialogueStateTracker.from_events("story", [event])
    expected = "'May pay': understood greet, expected view_payslip"
    assert expected == conversation_tests._difference(tracker)

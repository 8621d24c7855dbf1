"""Runs the conversation tests with Rasa's own evaluation, and fails where Rasa would not.

`rasa test` exits 0 without a model, with no stories and with failed ones, and drops stories whose
events are the same although different people speak. Here each of these is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from rasa.core.agent import Agent
from rasa.core.test import WronglyClassifiedUserUtterance, _collect_story_predictions
from rasa.shared.core.events import ActionExecuted
from rasa.shared.core.generator import TrackerWithCachedStates, TrainingDataGenerator
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.core.training_data.structures import StoryGraph, StoryStep
from rasa.shared.importers.importer import TrainingDataImporter

from gatehouse.errors import GatehouseError, InvalidInput, NotReady


class ConversationTestsFailed(GatehouseError):
    """At least one story did not go as written."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """Names of the stories that passed and, for each that failed, what went differently."""

    passed: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]


def run(model: Path, stories: Path, domain: Path) -> Outcome:
    """Run every story below `stories` against `model`.

    Raises `NotReady` without a model and `InvalidInput` when there is no story or two share a name.
    """
    if not model.is_file():
        raise NotReady("there is no trained model", "run `gatehouse train`")
    graph = _load(stories, domain)
    names = [step.block_name for step in graph.story_steps]
    if not names:
        raise InvalidInput(f"there is no conversation test below {stories.name}/")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInput(f"two conversation tests are called {twice[0]!r}")
    with contextlib.redirect_stderr(io.StringIO()):  # Rasa's progress bar
        agent = Agent.load(str(model))
        trackers = _trackers(graph, agent)
        evaluation, _, _ = asyncio.run(_collect_story_predictions(trackers, agent, use_e2e=True))
    seen = [*evaluation.successful_stories, *evaluation.failed_stories]
    if sorted(names) != sorted(tracker.sender_id for tracker in seen):
        raise ConversationTestsFailed("not every conversation test was run")
    return Outcome(
        tuple(tracker.sender_id for tracker in evaluation.successful_stories),
        tuple((tracker.sender_id, _difference(tracker)) for tracker in evaluation.failed_stories),
    )


def _load(stories: Path, domain: Path) -> StoryGraph:
    importer = TrainingDataImporter.load_from_dict(
        training_data_paths=[str(stories)], domain_path=str(domain)
    )
    return importer.get_conversation_tests()


def _trackers(graph: StoryGraph, agent: Agent) -> list[TrackerWithCachedStates]:
    """One tracker for each story, made apart: made together, Rasa merges those with equal events."""
    return [tracker for step in graph.story_steps for tracker in _trackers_of(step, agent)]


def _trackers_of(step: StoryStep, agent: Agent) -> list[TrackerWithCachedStates]:
    generator = TrainingDataGenerator(
        StoryGraph([step]),
        agent.domain,
        remove_duplicates=False,
        use_story_concatenation=False,
        augmentation_factor=0,
    )
    return list(generator.generate_story_trackers())


def _difference(tracker: DialogueStateTracker) -> str:
    for event in tracker.events:
        if isinstance(event, WronglyClassifiedUserUtterance):
            wanted = event.intent.get("name")
            if event.predicted_intent == wanted:
                return f"{event.text!r}: {_entities(event)}"
            return f"{event.text!r}: understood {event.predicted_intent}, expected {wanted}"
        predicted = getattr(event, "action_name_prediction", None)
        if isinstance(event, ActionExecuted) and predicted:
            expected = event.action_name or repr(event.action_text)
            return f"did {predicted}, expected {expected}"
    return "went differently"


def _entities(event: WronglyClassifiedUserUtterance) -> str:
    understood, expected = (
        ", ".join(f"{entity.get('entity')}={entity.get('value')}" for entity in entities) or "none"
        for entities in (event.predicted_entities, event.target_entities)
    )
    return f"entities differ: understood {understood}; expected {expected}"

"""Conversation tests say who speaks, and nothing that serves can be run that way."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.dialogue import gate
from gatehouse.dialogue.rehearsal import RehearsalGate, Speaker, speaker_of
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.runtime import Runtime

ROLES = frozenset({"employee", "manager", "contractor"})


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("as employee: own salary", Speaker("employee", False)),
        ("as an employee: own salary", Speaker("employee", False)),
        ("as a manager with a code: own salary", Speaker("manager", True)),
        ("as nobody: hello", Speaker("nobody", False)),
    ],
)
def test_name_of_a_story_says_who_speaks(story: str, expected: Speaker) -> None:
    """The speaker is read from the beginning of the story's name."""
    assert expected == speaker_of(story, ROLES)


@pytest.mark.parametrize(
    "story", ["own salary", "as : x", "as king: x", "as employee:", "for employee: x", ""]
)
def test_story_without_speaker_is_refused(story: str) -> None:
    """A story that does not say who speaks is a mistake, not an anonymous success."""
    with pytest.raises(InvalidInput, match="who is speaking"):
        speaker_of(story, ROLES)


def test_serving_process_refuses_to_rehearse(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Once the rehearsal is installed the process cannot serve."""
    from gatehouse.ops.serve import serve

    rules = runtime.policies.current()
    monkeypatch.setattr(gate, "_gate", gate._gate)  # restored after the test
    gate.install_rehearsal(RehearsalGate(rules, rules.roles, rules_time(runtime)))
    with pytest.raises(NotReady, match="rehearses"):
        serve(runtime, tmp_path / "model.tar.gz")


def rules_time(runtime: Runtime) -> object:
    from gatehouse.dialogue.checkpoint import Checkpoint

    return Checkpoint(runtime).local_now()

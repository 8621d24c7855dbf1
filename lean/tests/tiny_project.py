"""A tiny Rasa project, and how a person's shell would run Rasa in it.

Sparse features, logistic regression and rules: the smallest project that trains, answers and passes
a conversation test on the lean set of packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent

CONFIG = """
    recipe: default.v1
    language: en
    assistant_id: tiny
    pipeline:
      - name: WhitespaceTokenizer
      - name: CountVectorsFeaturizer
      - name: LogisticRegressionClassifier
    policies:
      - name: RulePolicy
"""

FILES = {
    "config.yml": CONFIG,
    "domain.yml": """
        version: "3.1"
        intents: [greet, goodbye]
        responses:
          utter_greet: [{text: "Good morning from the tiny project"}]
          utter_goodbye: [{text: "Until tomorrow"}]
        session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: false}
    """,
    "data/nlu.yml": """
        version: "3.1"
        nlu:
          - intent: greet
            examples: |
              - hello
              - good morning
              - hello there
          - intent: goodbye
            examples: |
              - goodbye
              - see you tomorrow
              - bye for now
    """,
    "data/rules.yml": """
        version: "3.1"
        rules:
          - rule: greet
            steps: [{intent: greet}, {action: utter_greet}]
          - rule: goodbye
            steps: [{intent: goodbye}, {action: utter_goodbye}]
    """,
    "tests/test_stories.yml": """
        version: "3.1"
        stories:
          - story: a greeting
            steps:
              - {user: "hello there", intent: greet}
              - {action: utter_greet}
    """,
    "credentials.yml": "rest:\n",
    "endpoints.yml": "",
    "actions/__init__.py": "",
    "actions/tiny.py": """
        from rasa_sdk import Action

        class Tiny(Action):
            def name(self):
                return "action_tiny"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text="done")
                return []
    """,
}

Command = Callable[..., subprocess.CompletedProcess[str]]


def write_project(directory: Path, **replaced: str) -> Path:
    """The tiny project in `directory`; `replaced` gives other contents for a file's stem."""
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(replaced.get(path.stem, content)), encoding="utf-8")
    return directory


def environment(home: Path) -> dict[str, str]:
    """The variables of a person who never configured Rasa."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RASA_")}
    return kept | {"HOME": str(home), "COLUMNS": "200"}

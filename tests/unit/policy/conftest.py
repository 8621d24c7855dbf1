"""A small organisation to write rules for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from gatehouse.cli.policy import policy
from gatehouse.policy import Domain, PolicySet, Principal, Request
from gatehouse.policy.loader import build
from gatehouse.policy.sources import Sources

VOCABULARY = """\
version: 1
roles:
  employee: {about: Works here.}
  manager: {about: Leads a team., comes_with: employee}
  contractor: {about: Works here for a while.}
departments: [payroll, sales]
employment_types: [permanent, temporary]
channels: [web, kiosk]
network_zones: [office, outside]
refusal: utter_refused
runner_up: {margin: 0.1, say: utter_unclear, except: [inform]}
retention: {brief: 1h, long: 2d}
trusted_slots: [topic]
"""

INTENTS = """\
version: 1
intents:
  view_pay: {about: self, groups: pay, protection: restricted, values: [period]}
  view_bonus: {about: self, groups: pay, protection: restricted, values: [period, year]}
  approve:
    about: team
    groups: [team]
    protection: confidential
    attributes: {amount: number, country: text, urgent: truth}
  greet: {about: nobody, groups: talk, protection: public}
  inform: {about: nobody, groups: talk, protection: public}
  restart: {about: nobody, groups: command, protection: restricted}
  back: {about: nobody, groups: command, protection: restricted}
  session_start: {about: nobody, groups: command, protection: restricted}
  out_of_scope: {about: nobody, groups: talk, protection: public}
  nlu_fallback: {about: nobody, groups: talk, protection: public}
"""

CLOSED = """\
version: 1
owner: tests
rules:
  - {id: never, why: Nobody may., effect: deny, groups: command}
  - {id: talk, why: Everybody may., effect: allow, groups: talk, roles: any}
"""

# Covers what a test does not mention, without allowing it to anybody that tests ask as.
REST = """\
version: 1
owner: tests
rules:
  - id: rest
    why: Covers the rest.
    effect: allow
    groups: [pay, team]
    roles: contractor
    when: {subject: anyone}
"""

Build = Callable[..., PolicySet]
Ask = Callable[..., Request]


@pytest.fixture(scope="session")
def domain() -> Domain:
    """The domain of the small organisation."""
    return Domain.of(
        frozenset({"view_pay", "view_bonus", "approve", "greet", "inform"}),
        frozenset({"utter_refused", "utter_unclear", "utter_closed"}),
        slots=frozenset({"topic", "mood"}),
        spoken_slots=frozenset({"mood"}),
    )


@pytest.fixture(scope="session")
def files() -> Callable[..., dict[str, str]]:
    """The files of the small organisation with `rules` (a YAML list) and other files."""

    def make(rules: str = "", **others: str) -> dict[str, str]:
        found = {
            "vocabulary.yml": VOCABULARY,
            "intents.yml": INTENTS,
            "closed.yml": CLOSED,
            "rest.yml": REST,
        }
        if rules:
            found["case.yml"] = f"version: 1\nowner: tests\nrules:\n{rules}"
        found.update({name.replace("__", "/") + ".yml": text for name, text in others.items()})
        return found

    return make


@pytest.fixture(scope="session")
def compiled(domain: Domain, files: Callable[..., dict[str, str]]) -> Build:
    """Compiles the small organisation with `rules`; raises `PolicyInvalid`."""

    def make(rules: str = "", **others: str) -> PolicySet:
        return build(sources_of(files(rules, **others)), domain)

    return make


@pytest.fixture(scope="session")
def sources() -> Callable[[Mapping[str, str]], Sources]:
    """Turns texts by file name into sources."""
    return sources_of


def sources_of(texts: Mapping[str, str]) -> Sources:
    """The sources with these texts."""
    return Sources("policies", {name: text.encode() for name, text in texts.items()})


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Makes a request of the resource stage in which every fact is known and harmless."""

    def make(intent: str = "view_pay", roles: str = "employee", **facts: Any) -> Request:
        known: dict[str, Any] = {
            "subject": "self",
            "at": datetime(2027, 3, 3, 10, 0, tzinfo=ZoneInfo("Europe/Berlin")),
            "channel": "web",
            "network_zone": "office",
            "session_age": 60.0,
            "aal": 1,
            "confidence": 0.9,
            "margin": 0.8,
            "runners_up": (),
            "refusals": 0,
            "failed_codes": 0,
            "served": frozenset(),
            "slots": {"topic": "none"},
            "principal": Principal("p-1", frozenset(roles.split()), "payroll", "permanent"),
        }
        return Request(intent=intent, **{**known, **facts})

    return make


# A project for the commands.
PAY = (
    "  - id: pay\n    why: Own pay.\n    effect: allow\n    intents: view_pay\n"
    "    roles: employee\n    when: {subject: self, channel: web}\n"
    "    step_up: {level: aal2, max_age: 5m, bind: period}\n"
)
TEST = (
    "version: 1\nunlisted: not_tested\npeople: {anna: {roles: employee}}\n"
    "tests: [{name: Pay, people: anna, intents: view_pay, expect: step_up}]\n"
)


@pytest.fixture
def project(tmp_path, files):
    """A project with policies and a domain."""
    folder = tmp_path / "policies"
    (folder / "tests").mkdir(parents=True)
    for name, text in files(PAY, tests__pay=TEST).items():
        (folder / name).write_text(text)
    (tmp_path / "domain.yml").write_text(
        "intents: [view_pay, {view_bonus: {use_entities: []}}, approve, greet, inform]\n"
        "responses: {utter_refused: [], utter_unclear: [], utter_closed: []}\n"
        "slots: {topic: {type: text}}\n"
    )
    return tmp_path


@pytest.fixture
def run(project, monkeypatch):
    """Runs a command in the project; returns its result."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(project))
    return lambda *words: CliRunner().invoke(policy, list(words))

"""The dashboard and the alert rules ask for numbers that a running server shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from gatehouse import metrics
from gatehouse import runtime as composition
from gatehouse.clock import SettableClock
from tests.e2e.deployment import free_port
from tests.unit.channel.harness import say
from tests.unit.coverage.world import World, clock_start

PROJECT = Path(__file__).resolve().parents[3]
MONITORING = PROJECT / "deploy" / "monitoring"
SELECTOR = re.compile(r"\b((?:gatehouse|process)_[a-z_]+)(?:\{([^{}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~?)"([^"]*)"')

Series = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    """What a server with a witness and a mirror shows on its metrics port."""
    home = tmp_path_factory.mktemp("monitored")
    port = free_port()
    settings = {
        "GATEHOUSE_HOME": str(home),
        "GATEHOUSE_AUDIT_WITNESS_FILE": "witness.txt",
        "GATEHOUSE_KEYS_MIRROR": "mirror",
        "GATEHOUSE_METRICS_PORT": str(port),
        "GATEHOUSE_BACKUP_TARGET": "place",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with World(home, SettableClock(clock_start()), **settings) as site:
            patch.setattr(composition, "_current", site.runtime)
            site.become_ready()
            assert 200 == say(site.signed_in(), "hello").status_code
            site.runtime.purge()
            site.runtime.checkpoints.make()
            text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            assert 200 == httpx.get(f"http://127.0.0.1:{port}/readyz").status_code
        site.runtime.close()
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    yield found


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
    return document


def rules() -> list[dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load((MONITORING / "alerts.yml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    document = dashboard()
    panels = [target["expr"] for p in document["panels"] for target in p.get("targets", [])]
    notes = [note["expr"] for note in document["annotations"]["list"]]
    lists = [item["query"] for item in document["templating"]["list"] if item["type"] == "query"]
    return [*panels, *notes, *lists, *(rule["expr"] for rule in rules())]


def missing(expression: str, shown: Series) -> list[str]:
    """The selectors of an expression that no series answers."""
    unanswered = []
    for name, inside in SELECTOR.findall(expression):
        wanted = [m for m in MATCHER.findall(inside) if m[0] != "instance"]
        for label, how, value in wanted or [("", "", "")]:
            values = value.split("|") if how == "=~" else [value]
            for one in values:
                series = shown.get(name, [])
                if not any(not label or one == labels.get(label) for labels in series):
                    unanswered.append(f'{name}{{{label}="{one}"}}')
    return unanswered


@pytest.mark.parametrize("expression", expressions())
def test_every_query_names_what_the_server_shows(expression: str, shown: Series) -> None:
    """No panel and no alert asks for a number, or a value of a label, that does not exist."""
    assert SELECTOR.search(expression)
    assert [] == missing(expression, shown)


def test_the_check_would_find_a_misspelt_name(shown: Series) -> None:
    """A wrong name, a wrong label and a wrong value of a label are each found."""
    assert [] == missing('rate(gatehouse_decisions_total{effect=~"allow|deny"}[5m])', shown)
    assert missing("gatehouse_decision_total", shown)
    assert missing('gatehouse_decisions_total{efect="allow"}', shown)
    assert missing('gatehouse_decisions_total{effect=~"allow|denied"}', shown)


def test_the_dashboard_is_whole() -> None:
    """Panels have ids of their own, do not overlap, and take their source from the variable."""
    panels = dashboard()["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not mine & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= mine
        assert "row" == panel["type"] or "${datasource}" == panel["datasource"]["uid"]


def test_every_number_of_ours_is_looked_at() -> None:
    """A number that nobody looks at is not worth counting: each is on the dashboard or in an alert."""
    asked = " ".join(expressions())
    ours = set(
        re.findall(
            r"^# TYPE (gatehouse_\w+?)(?:_total)? ", metrics.exposition()[0].decode(), re.MULTILINE
        )
    )
    assert set() == {name for name in ours if name not in asked}


def test_every_alert_is_explained() -> None:
    """The operators' guide says of each alert what it means and what to do."""
    guide = (PROJECT / "docs" / "operating.md").read_text("utf-8")
    assert set() == {rule["alert"] for rule in rules()} - set(
        re.findall(r"`(Gatehouse\w+)`", guide)
    )
    assert all({"page", "ticket"} >= {rule["labels"]["severity"]} for rule in rules())


def test_no_series_names_a_person_or_a_conversation(shown: Series) -> None:
    """Labels are words of the program: no number grows with people, conversations or addresses."""
    allowed = {
        "effect", "endpoint", "kind", "le", "level", "outcome", "part", "profile", "reason",
        "revision", "stage", "state", "status", "version", "what", "witness",
    }  # fmt: skip
    series = [labels for name in shown if name.startswith("gatehouse_") for labels in shown[name]]
    assert allowed >= {label for labels in series for label in labels}
    values = {value for labels in series for value in labels.values()}
    assert not {"erin.walsh", "Erin Walsh", "E-1001"} & values
    assert len(series) < 1500

"""Exports: every kind of entry as OCSF that the schema accepts, as CEF, and exactly as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gatehouse.audit import AuditLog
from gatehouse.audit.export import FORMATS
from gatehouse.audit.filters import Filter, read_time
from gatehouse.audit.log import KINDS
from gatehouse.errors import InvalidInput
from tests.unit.audit.conftest import open_log

RULES: dict[str, Any] = json.loads(Path(__file__).with_name("ocsf_required.json").read_text())
FACTS: dict[str, dict[str, Any]] = {
    "decision": {
        "intent": "view_salary",
        "effect": "deny",
        "rule": "no-pay|talk",
        "revision": "ab",
    },
    "action": {"intent": "view_payslip", "effect": "allow", "rule": "own=pay", "revision": "ab"},
    "policy_rejected": {"revision": "ab", "offered": "cd", "first": "a\nb"},
    "sign_in_refused": {"reason": "cred=entials\\"},
}


def breaches(value: Any, rules: dict[str, Any], where: str) -> list[str]:
    """What an object or class lacks, here and in what it holds."""
    found = [f"{where}.{name}" for name in rules.get("required", []) if name not in value]
    if rules.get("one_of") and not set(rules["one_of"]) & value.keys():
        found.append(f"{where}: one of {rules['one_of']}")
    for name, kind in rules.get("objects", {}).items():
        inner = value.get(name, [])
        for item in inner if isinstance(inner, list) else [inner]:
            found += breaches(item, RULES["objects"][kind], f"{where}.{name}")
    return found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    """One entry of every kind, with and without a person."""
    log = open_log(f"sqlite:///{tmp_path_factory.mktemp('log') / 'audit.db'}")
    for kind in sorted(KINDS):
        log.append(kind, person="p-1", conversation="c-1", **FACTS.get(kind, {}))
        log.append(kind)
    return log


def test_every_kind_is_valid_ocsf(log: AuditLog) -> None:
    """Each event has what OCSF 1.8.0 requires of its class and objects, and known numbers."""
    classes = set()
    for entry in log.entries():
        body = json.loads(entry.body)
        event = json.loads(FORMATS["ocsf"](entry, body, "log.example.org"))
        rules = RULES["classes"][str(event["class_uid"])]
        classes.add(event["class_uid"])
        where = f"{body['kind']} ({rules['name']})"
        assert [] == [name for name in RULES["base"] if name not in event], where
        assert [] == breaches(event, rules, where)
        assert [] == breaches(event["metadata"], RULES["objects"]["metadata"], where)
        assert event["activity_id"] in [*rules["activities"], 99], where
        assert event["activity_id"] != 99 or event["activity_name"], where
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["severity_id"] in RULES["severities"]
        assert event.get("action_id", 0) in RULES["actions"]
        assert 0 <= event.get("disposition_id", 0) <= RULES["dispositions_up_to"]
        assert ("action_id" in event) == ("profiles" in event["metadata"])
        assert entry.body == event["raw_data"]
        assert isinstance(event["time"], int)
    assert {int(uid) for uid in RULES["classes"]} == classes


def test_a_decision_says_what_was_authorised(log: AuditLog) -> None:
    """Person, intent, effect, rule and revision are where OCSF has them."""
    found = Filter(kinds=frozenset({"decision"}), intents=frozenset({"view_salary"}))
    ((entry, body),) = list(found.apply(log.entries()))
    event = json.loads(FORMATS["ocsf"](entry, body, "log.example.org"))
    assert [{"decision": "deny", "policy": {"name": "no-pay|talk", "version": "ab"}}] == event[
        "authorizations"
    ]
    assert ("view_salary", 2, 2) == (
        event["api"]["operation"],
        event["action_id"],
        event["disposition_id"],
    )
    assert body["person"] == event["actor"]["user"]["uid"]
    assert entry.sequence == event["metadata"]["sequence"]


def test_cef_is_one_well_formed_line(log: AuditLog) -> None:
    """Head and extensions are escaped as the format demands, whatever an entry says."""
    for entry in log.entries():
        line = FORMATS["cef"](entry, json.loads(entry.body), "log.example.org")
        assert "\n" not in line
        parts = re.split(r"(?<!\\)\|", line, maxsplit=7)
        assert ("CEF:0", 8) == (parts[0], len(parts))
        assert 0 <= int(parts[6]) <= 10
        pairs = re.split(r" (?=\w+=)", parts[7])
        assert all(re.fullmatch(r"\w+=(?:[^=\\]|\\[=\\nr])*", pair) for pair in pairs), line


def test_json_lines_keep_every_byte(log: AuditLog) -> None:
    """A line is the position and the entry exactly as it is in the log."""
    for entry in log.entries():
        line = FORMATS["jsonl"](entry, {}, "")
        assert f'{{"sequence":{entry.sequence},"entry":{entry.body}}}' == line
        assert entry.sequence == json.loads(line)["sequence"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(), 2 * len(KINDS)),
        (Filter(kinds=frozenset({"sign_in", "sign_out"})), 4),
        (Filter(rules=frozenset({"own=pay"})), 1),
        (Filter(people=frozenset()), 0),
        (Filter(since="2027-01-15T08:00:00.001Z"), 0),
        (Filter(until="2027-01-15T08:00:00.000Z"), 0),
        (Filter(since="2027-01-15T08:00:00.000Z"), 2 * len(KINDS)),
    ],
)
def test_filters_pick_entries(log: AuditLog, wanted: Filter, count: int) -> None:
    """Kinds, rules, people and times choose; several must all fit."""
    assert count == len(list(wanted.apply(log.entries())))


def test_people_are_found_by_their_pseudonym(log: AuditLog) -> None:
    """Who has the identity finds all that person's entries and nobody else's."""
    people = frozenset(log.pseudonyms("person", "p-1"))
    assert len(KINDS) == len(list(Filter(people=people).apply(log.entries())))
    others = frozenset(log.pseudonyms("person", "p-2"))
    assert [] == list(Filter(people=others).apply(log.entries()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2026-11-25", "2026-11-25T00:00:00.000Z"),
        ("2026-11-25T14:30", "2026-11-25T14:30:00.000Z"),
        ("2026-11-25T14:30:00+01:00", "2026-11-25T13:30:00.000Z"),
        ("2h", "2027-01-15T06:00:00.000Z"),
    ],
)
def test_times_are_understood(text: str, expected: str) -> None:
    """Dates, times with and without a zone, and how long ago."""
    assert expected == read_time(text, 1_800_000_000.0, "--since")


def test_what_is_no_time_is_refused() -> None:
    """The option and the possible forms are named."""
    with pytest.raises(InvalidInput, match="--since: 'yesterday'"):
        read_time("yesterday", 0.0, "--since")

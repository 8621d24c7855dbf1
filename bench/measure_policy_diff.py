"""The comparison of the shipped policies with an edit of them, for edits of several kinds.

From a rule that is switched on to words that every decision depends on, and rules about every request
with several conditions at once. Times include everything but loading the two directories.
"""

from __future__ import annotations

import time
from pathlib import Path

from bench.report import Report
from gatehouse.policy import PolicySet, read_domain
from gatehouse.policy.diff import compare
from gatehouse.policy.errors import Problems
from gatehouse.policy.loader import build
from gatehouse.policy.sources import TESTS, Sources, read_directory

ROOT = Path(__file__).parents[1]
LIMIT = 5  # seconds
ADDED = {
    "one rule: block all salaries": ("{id: x, why: Not in chat., effect: deny, groups: [salary]}"),
    "one rule with hours and days": (
        "{id: x, why: Later., effect: deny, groups: [salary], "
        'when: {hours: "18:00-08:00", weekdays: mon-fri}, valid_until: 2028-01-31}'
    ),
    "every request, four conditions": (
        "{id: x, why: Not at night., effect: deny, intents: all, when: {network_zone: external, "
        'hours: "22:00-06:00", session_age: {min: 8h}, failed_codes: {min: 2}}}'
    ),
}
WORDS = {
    "the margin of runners-up": ("margin: 0.1", "margin: 0.3"),
    "the words of every refusal": (
        "refusal: utter_refused_default",
        "refusal: utter_refused_restricted",
    ),
}


def measure(report: Report) -> None:
    sources = read_directory(ROOT / "policies", Problems())
    files = {name: data for name, data in sources.files.items() if not name.startswith(TESTS)}
    before = _build(files)
    edits: dict[str, dict[str, bytes]] = {}
    for name, rule in ADDED.items():
        text = f"version: 1\nowner: bench\nrules:\n  - {rule}\n"
        edits[name] = {**files, "bench.yml": text.encode()}
    for name, (old, new) in WORDS.items():
        words = files["vocabulary.yml"].replace(old.encode(), new.encode())
        assert words != files["vocabulary.yml"], name
        edits[name] = {**files, "vocabulary.yml": words}
    for name, edited in edits.items():
        after = _build(edited)
        began = time.perf_counter()
        found = compare(before, after)
        seconds = time.perf_counter() - began
        report.at_most(f"policy diff, shipped: {name}", seconds, LIMIT, unit="s")
        report.note(f"policy diff, cases: {name}", found.cases, unit="")


def _build(files: dict[str, bytes]) -> PolicySet:
    return build(Sources("policies", files), read_domain(ROOT / "domain.yml"))

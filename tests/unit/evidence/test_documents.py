"""CSV, OSCAL and pages of a bundle: well-formed, escaped, and honest about what was not shown."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from gatehouse.ops.evidence import oscal, sheet
from gatehouse.ops.evidence.assessment import Assessment, assess
from gatehouse.ops.evidence.collecting import members_of
from gatehouse.ops.evidence.live import Live
from gatehouse.ops.evidence.mapping import EvidenceMap, read_map
from gatehouse.ops.evidence.oscal import About
from gatehouse.ops.evidence.outcomes import Outcomes
from tests.unit.evidence.conftest import PROJECT

ABOUT = About("audit.example.org/desk", "1.0", "2026-11-25T12:00:00.000Z")
LIVE = [
    Live("audit", "The log", good=True, facts={"entries": 3}),
    Live("tests", "Tests", collected=False, why='none <script>alert("x")</script>'),
]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[^\W\d][\w.\-]*")


@pytest.fixture
def found(small: EvidenceMap) -> Assessment:
    made = ("2026-11-25",)
    return assess(
        small, Outcomes({"t.py::test_one": "passed", "t.py::test_two": "failed"}, made), LIVE
    )


@pytest.fixture(scope="module")
def shipped() -> Assessment:
    return assess(read_map(PROJECT / "compliance"), Outcomes(), LIVE)


def test_no_cell_is_a_formula(found: Assessment, shipped: Assessment) -> None:
    """Whatever a cell begins with, a spreadsheet takes it for text; every line has every column."""
    for begin in ("=", "+", "-", "@", "\t", "\r", "\n", " =", "\0="):
        assert sheet.safe(f"{begin}cmd|' /C calc'!A0").startswith("'")
    assert "text = more" == sheet.safe("text = more")
    rows = list(csv.reader(io.StringIO(sheet.sheet([*found.requirements, *shipped.requirements]))))
    assert {len(sheet.COLUMNS)} == {len(row) for row in rows}
    assert "'=1+1 there is none" == rows[3][-1]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


def parts(document: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a document with its value, at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield key, value
            yield from parts(value)
    elif isinstance(document, list):
        for value in document:
            yield from parts(value)


REQUIRED = {
    "component-definition": {"uuid", "metadata"},
    "assessment-results": {"uuid", "metadata", "import-ap", "results"},
    "metadata": {"title", "last-modified", "version", "oscal-version"},
    "components": {"uuid", "type", "title", "description"},
    "control-implementations": {"uuid", "source", "description", "implemented-requirements"},
    "implemented-requirements": {"uuid", "control-id", "description"},
    "import-ap": {"href"},
    "results": {"uuid", "title", "description", "start", "reviewed-controls"},
    "reviewed-controls": {"control-selections"},
    "include-controls": {"control-id"},
    "observations": {"uuid", "description", "methods", "collected"},
    "findings": {"uuid", "title", "description", "target"},
    "target": {"type", "target-id", "status"},
    "status": {"state"},
    "related-observations": {"observation-uuid"},
    "props": {"name", "value"},
    "resources": {"uuid"},
}
"""What OSCAL 1.1.3 requires of each object; its arrays have one item or more."""


@pytest.mark.parametrize("make", [oscal.component_definition, oscal.assessment_results])
def test_oscal_has_what_its_model_requires(
    found: Assessment, shipped: Assessment, make: Any
) -> None:
    """Required fields, ids of the right form that occur once, and references that lead somewhere."""
    for assessment in (found, shipped):
        document = make(assessment, ABOUT)
        defined: list[str] = []
        for key, value in parts(document):
            for item in value if isinstance(value, list) else [value]:
                if key in REQUIRED and isinstance(item, dict):
                    assert REQUIRED[key] <= item.keys(), key
            if isinstance(value, list):
                assert value, key
            if key in ("uuid", "observation-uuid"):
                assert UUID.fullmatch(value)
            if key in ("control-id", "target-id", "name", "state", "reason"):
                assert TOKEN.fullmatch(value), value
            if key in ("title", "description", "value", "remarks"):
                assert value.strip(), key
            if key == "uuid":
                defined.append(value)
        assert len(defined) == len(set(defined))
        refers = {value for key, value in parts(document) if key == "observation-uuid"}
        hrefs = {value for key, value in parts(document) if key == "href"}
        refers |= {href[1:] for href in hrefs if href.startswith("#")}
        assert {href for href in hrefs if not href.startswith("#")} <= {"../index.html"}
        assert refers <= set(defined)


def test_oscal_says_satisfied_of_nothing_that_was_not_shown(found: Assessment) -> None:
    """A claim that was shown is; one that failed, or that the map calls partly met, is not."""
    result = oscal.assessment_results(found, ABOUT)["assessment-results"]["results"][0]
    states = {one["title"]: one["target"]["status"]["state"] for one in result["findings"]}
    assert {"R.1": "satisfied", "R.2": "not-satisfied"} == states
    nothing = oscal.assessment_results(assess(found.evidence, Outcomes(), []), ABOUT)
    findings = nothing["assessment-results"]["results"][0]["findings"]
    assert {"not-satisfied"} == {one["target"]["status"]["state"] for one in findings}
    assert "an assessor decides" in oscal.REMARK


class Page(HTMLParser):
    """Every tag and address of a page, and whether each that was opened was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "link", "br", "rect"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def test_pages_need_nothing_and_run_nothing(found: Assessment, shipped: Assessment) -> None:
    """No script, nothing loaded, nothing unescaped; every link inside the bundle leads somewhere."""
    for assessment in (found, shipped):
        members = members_of(assessment, ABOUT)
        pages = {
            name: Page(data.decode()) for name, data in members.items() if name.endswith(".html")
        }
        assert 1 + len(assessment.evidence.frameworks) == len(pages)
        for page in pages.values():
            assert not {"script", "iframe", "img", "object", "form"} & page.tags
            assert not page.open
            assert len(page.ids) == len(set(page.ids))
            for link in page.links:
                if not link.startswith("https://"):
                    file, _, place = link.partition("#")
                    assert not file or file in members, link
                    assert not place or place in (pages[file] if file else page).ids, link


def test_the_front_page_says_what_it_is_not(shipped: Assessment) -> None:
    """The caution comes first, and what could not be collected is named with its reason."""
    text = members_of(shipped, ABOUT)["index.html"].decode()
    assert "It does not say that anybody complies" in text
    assert "1 of 2 results could be had" in text
    assert "none &lt;script&gt;" in text
    assert "<script" not in text


def test_every_requirement_is_in_every_form(shipped: Assessment) -> None:
    """Page, CSV, JSON and OSCAL tell of the same requirements."""
    members = members_of(shipped, ABOUT)
    rows = list(csv.reader(io.StringIO(members["requirements.csv"].decode())))[1:]
    ids = {row[1] for row in rows}
    document = json.loads(members["evidence.json"])
    assert ids == {one["id"] for one in document["requirements"]}
    text = members["oscal/component-definition.json"].decode()
    assert ids == set(re.findall(r'"control-id": "([^"]+)"', text))
    pages = "".join(members[f"{one.name}.html"].decode() for one in shipped.evidence.frameworks)
    assert all(f"<h3>{name}" in pages for name in ids)

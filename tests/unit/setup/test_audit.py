"""`make audit`: the bill is the lock, the policy is kept, and what could not be checked is no success."""

from __future__ import annotations

import datetime
import json
import subprocess
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.setup.test_locks import PRODUCTION, entries
from tools.audit import __main__ as command
from tools.audit import advisories as asking
from tools.audit.advisories import Advisories, advisories, advisories_of_copy
from tools.audit.ages import ages
from tools.audit.licences import licences, unneeded
from tools.audit.lock import Locked, NotUnderstood, read_lock
from tools.audit.replaced import left_out
from tools.audit.sbom import bill

TODAY = datetime.date(2026, 11, 25)
NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    packages = read_lock()
    return bill(packages, licences(packages), NOW)


def test_the_bill_is_the_production_lock(document: dict[str, Any]) -> None:
    """Every package of the lock once, with its version and exactly its hashes, and nothing else."""
    locked = {
        name: (pinned, sorted(item.removeprefix("sha256:") for item in hashes))
        for name, (pinned, _, hashes) in entries(PRODUCTION).items()
    }
    billed = {
        one["name"]: (
            one["version"],
            sorted(reference["hashes"][0]["content"] for reference in one["externalReferences"]),
        )
        for one in document["components"]
    }
    assert locked == billed
    assert {1} == set(Counter(one["name"] for one in document["components"]).values())


def test_every_component_has_its_licence_and_its_place(document: dict[str, Any]) -> None:
    """An SPDX expression, a package URL, and a node of a graph without loose ends."""
    refs = {one["bom-ref"] for one in document["components"]}
    for one in document["components"]:
        assert one["licenses"][0]["expression"], one["name"]
        assert f"pkg:pypi/{one['name']}@{one['version']}" == one["purl"]
    nodes = {node["ref"]: node["dependsOn"] for node in document["dependencies"]}
    assert {"gatehouse", *refs} == set(nodes)
    assert refs >= {ref for needs in nodes.values() for ref in needs}
    assert any(ref.startswith("pkg:pypi/rasa@") for ref in nodes["gatehouse"])


def test_the_licence_policy_holds() -> None:
    """Permissive, or an exception with its reason; no exception that nothing needs."""
    found = licences(read_lock())
    assert [] == [(one.package, one.mistake) for one in found if one.mistake]
    assert [] == unneeded(found)


def package(name: str, version: str = "1.0", *hashes: str) -> Locked:
    return Locked(name, version, "", hashes or ("0" * 64,))


@pytest.mark.parametrize(
    ("stated", "exception", "mistake"),
    [
        ("MIT", {}, ""),
        ("MIT OR GPL-3.0-only", {}, ""),
        ("MIT AND GPL-3.0-only", {}, "MIT AND GPL-3.0-only is not in the policy"),
        ("GPL-3.0-only", {}, "GPL-3.0-only is not in the policy"),
        ("", {}, "unknown is not in the policy"),
        ("MIT WITH Some-exception", {}, "MIT WITH Some-exception is not in the policy"),
        ("GPL-3.0-only", {"licence": "GPL-3.0-only", "why": "only run, never linked"}, ""),
        ("GPL-3.0-only", {"licence": "GPL-3.0-only"}, "the exception gives no reason"),
        (
            "GPL-3.0-only",
            {"licence": "MPL-2.0", "why": "a reason for another licence"},
            "GPL-3.0-only is not in the policy",
        ),
    ],
)
def test_other_licences_are_named(stated: str, exception: dict[str, str], mistake: str) -> None:
    """Unknown is not allowed; an exception is for one licence and needs a reason."""
    policy = {
        "allowed": ["MIT"],
        "stated": {"nowhere": stated} if stated else {},
        "exceptions": {"nowhere": exception} if exception else {},
    }
    (found,) = licences([package("nowhere")], policy)
    assert mistake == found.mistake


def test_idle_exceptions_are_named() -> None:
    """What no package needs any more has to go from the policy."""
    reason = {"licence": "MPL-2.0", "why": "it was needed once, and is not now"}
    policy = {"allowed": ["MIT"], "stated": {"here": "MIT"}, "exceptions": {"gone": reason}}
    assert ["gone"] == unneeded(licences([package("here")], policy), policy)


def test_a_lock_that_is_not_understood_gives_no_bill(tmp_path: Path) -> None:
    """Half a bill would be worse than none."""
    for text in ("", "cycler==0.12.1\n", "-r other.txt\n"):
        path = tmp_path / "a.lock"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(NotUnderstood):
            read_lock(path)


FOUND = {
    "name": "cycler",
    "version": "0.12.1",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["0.13"]}],
}


def answered(*dependencies: dict[str, Any]) -> asking.Run:
    def run(_arguments: Any) -> subprocess.CompletedProcess[str]:
        said = json.dumps({"dependencies": dependencies, "fixes": []})
        return subprocess.CompletedProcess([], 1, said, "")

    return run


def absent(_arguments: Any) -> subprocess.CompletedProcess[str]:
    raise FileNotFoundError


def late(_arguments: Any) -> subprocess.CompletedProcess[str]:
    raise subprocess.TimeoutExpired("pip-audit", 600)


def broken(_arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 1, "", "ConnectionError")


@pytest.mark.parametrize(
    "run",
    [
        absent,
        late,
        broken,
        answered(),
        answered({"name": "cycler", "skip_reason": "not found"}),
        answered({"name": "cycler", "version": "0.12.1", "vulns": []}),
    ],
)
def test_advisories_without_a_whole_answer_were_not_checked(run: asking.Run) -> None:
    """No program, no answer in time, no JSON, or an answer for some packages only."""
    said = advisories(2, TODAY, run, {})
    assert (False, ()) == (said.checked, said.findings)
    assert "gave no answer" in said.why or "of 2 packages" in said.why


@pytest.mark.parametrize(
    ("accepted", "standing"),
    [
        ({}, 1),
        ({"CVE-2026-1": {"why": "nothing here imports that part", "until": TODAY}}, 0),
        ({"CVE-2026-1": {"why": "nothing here imports that part"}}, 1),
        ({"CVE-2026-1": {"why": "", "until": TODAY}}, 1),
        (
            {
                "CVE-2026-1": {
                    "why": "nothing here imports that part",
                    "until": TODAY - datetime.timedelta(days=1),
                }
            },
            1,
        ),
    ],
)
def test_an_advisory_is_accepted_with_a_reason_and_for_a_time(
    accepted: dict[str, Any], standing: int
) -> None:
    """By any of its names; without a reason, or when its day is over, it counts again."""
    said = advisories(1, TODAY, answered(FOUND), accepted)
    assert (True, standing) == (said.checked, said.as_json()["open"])


def test_every_service_that_was_asked_says_why_not() -> None:
    """The reason of the first is not lost behind that of the second."""
    said = advisories(2, TODAY, answered({"name": "cycler", "skip_reason": "not found"}), {})
    assert "pypi answered for 0 of 2 packages; osv answered for 0 of 2 packages" == said.why


def record(name: str = "Cycler", modified: str = "2026-11-20", **more: Any) -> dict[str, Any]:
    """An advisory in the OSV schema, about versions from 0.10 until before 0.13."""
    events = [{"introduced": "0.10"}, {"fixed": "0.13"}]
    part = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": "PYSEC-2026-1", "modified": f"{modified}T01:02:03Z", "affected": [part], **more}


def collection(tmp_path: Path, *records: Any) -> Path:
    """A copy as OSV gives it: a zip with one file for each record."""
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for at, one in enumerate(records):
            text = one if isinstance(one, str) else json.dumps(one)
            archive.writestr(f"{at}.json", text)
    return path


CYCLER = Locked("cycler", "0.12.1", "", ("0" * 64,))


def events(*steps: str) -> dict[str, Any]:
    found = record()
    parts = [dict([step.split("=")]) for step in steps]
    found["affected"][0]["ranges"][0]["events"] = parts
    return found


@pytest.mark.parametrize(
    ("about", "found"),
    [
        (record(), 1),
        (record("other"), 0),
        (record(withdrawn="2026-11-21T00:00:00Z"), 0),
        (events("introduced=0"), 1),
        (events("introduced=0", "fixed=0.12.1"), 0),
        (events("introduced=0", "last_affected=0.12.1"), 1),
        (events("introduced=0", "last_affected=0.12"), 0),
        (events("fixed=0.9", "introduced=0.12", "introduced=0", "fixed=0.12.2"), 1),
        (events("introduced=not a version"), 1),
    ],
)
def test_a_copy_says_what_concerns_the_locked_versions(
    tmp_path: Path, about: dict[str, Any], found: int
) -> None:
    """Names as the index writes them, ranges as the OSV schema defines them; in doubt it concerns us."""
    others = record("somebody-else")
    said = advisories_of_copy(collection(tmp_path, others, about), [CYCLER], TODAY, {})
    assert (True, found) == (said.checked, len(said.findings))
    assert all(
        ("cycler", "0.12.1", "PYSEC-2026-1") == (f.package, f.version, f.id) for f in said.findings
    )


def test_a_listed_version_is_found_in_a_checkout(tmp_path: Path) -> None:
    """The PyPA's database is YAML; a version that is listed counts without any range."""
    folder = tmp_path / "vulns" / "cycler"
    folder.mkdir(parents=True)
    (folder / "PYSEC-2026-1.yaml").write_text(
        'id: PYSEC-2026-1\nmodified: "2026-11-20T00:00:00Z"\naliases: [CVE-2026-1]\n'
        "affected:\n- package: {ecosystem: PyPI, name: cycler}\n  versions: [0.12.1]\n"
    )
    (found,) = advisories_of_copy(tmp_path, [CYCLER], TODAY, {}).findings
    assert ("PYSEC-2026-1", ("CVE-2026-1",), ()) == (found.id, found.aliases, found.fixed_in)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ((), "there are no records in all.zip"),
        (("no json",), "0.json is no record"),
        ((json.dumps(record())[:-9],), "0.json is no record"),
        (
            (record(affected=[{"package": {"ecosystem": "PyPI", "name": "cycler"}, "ranges": 1}]),),
            "",
        ),
        ((record("other", "2026-11-10"),), "newest entry is of 2026-11-10, more than 14 days ago"),
    ],
)
def test_a_copy_that_is_empty_broken_or_old_is_no_check(
    tmp_path: Path, records: tuple[Any, ...], why: str
) -> None:
    """Missing, no zip, without records, with one that is not understood, or of another month."""
    said = advisories_of_copy(collection(tmp_path, *records), [CYCLER], TODAY, {})
    assert (False, ()) == (said.checked, said.findings)
    assert why in said.why
    for path in (tmp_path / "nowhere.zip", Path(__file__)):
        assert not advisories_of_copy(path, [CYCLER], TODAY, {}).checked


def test_what_an_old_copy_knows_still_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not checked, and what is found in it is refused all the same."""
    copy = collection(tmp_path, record("rasa", "2024-01-01", affected=[{
        "package": {"ecosystem": "PyPI", "name": "rasa"}, "versions": ["3.6.21"],
    }]))  # fmt: skip
    monkeypatch.setattr(command, "_valid", lambda _: 0)
    monkeypatch.setattr(command, "index_of_pip", lambda: "https://index.example.org")
    monkeypatch.setattr(command, "ages", lambda *_: ((), ""))
    asked = ["all", "--out", str(tmp_path / "out"), "--advisories", str(copy)]
    assert 4 == command.main(asked)
    shown = capsys.readouterr().err
    assert "COULD NOT BE CHECKED HERE" in shown and "rasa 3.6.21: PYSEC-2026-1" in shown
    written = json.loads((tmp_path / "out" / "advisories.json").read_text())
    assert (False, 1) == (written["checked"], written["open"])


class Index(BaseHTTPRequestHandler):
    """Answers as an index does, from `documents`."""

    documents: dict[str, object]

    def do_GET(self) -> None:
        found = self.documents.get(self.path.strip("/").rpartition("/")[2])
        self.send_response(200 if found is not None else 404)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode() if found is not None else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[str]:
    def file(digest: str, day: str) -> dict[str, Any]:
        return {"hashes": {"sha256": digest}, "upload-time": f"{day}T01:02:03Z"}

    Index.documents = {
        "old": {"files": [file("a" * 64, "2019-01-01")]},
        "kept": {"files": [file("a" * 64, "2019-01-01"), file("b" * 64, "2026-11-01")]},
        "mute": {"files": [{"hashes": {"sha256": "a" * 64}}]},
        "odd": ["nonsense"],
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def test_an_age_is_that_of_the_locked_files(index: str) -> None:
    """A package that goes on being released is not old, whatever is locked; a silent one is."""
    packages = [package("old", "1.0", "a" * 64), package("kept", "1.0", "a" * 64)]
    found, why = ages(packages, index, TODAY)
    assert "" == why
    assert [("2019-01-01", True), ("2019-01-01", False)] == [
        (one.uploaded, one.old) for one in found
    ]
    ((mute,), _) = ages([package("mute", "1.0", "a" * 64)], index, TODAY)
    assert ("", None, False) == (mute.uploaded, mute.days, mute.old)


@pytest.mark.parametrize("name", ["nowhere", "odd"])
def test_an_index_that_does_not_say_was_not_checked(index: str, name: str) -> None:
    """Missing or malformed for one package: no ages at all, and why. Plain HTTP is not asked."""
    assert ((), f"the index gave no usable answer for {name}") == (
        ages([package(name)], index, TODAY)[0],
        ages([package(name)], index, TODAY)[1].partition(" (")[0],
    )
    assert () == ages([package(name)], "http://index.example.org/simple", TODAY)[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Advisories(True, "asked pypi", 118), 0),
        (Advisories(False, "the service pypi gave no answer", 0), 6),
        (Advisories(True, "asked pypi", 118, (asking.Advisory("a", "1", "X", (), ()),)), 4),
    ],
)
def test_the_exit_code_says_whether_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: Advisories,
    expected: int,
) -> None:
    """0 only when everything was checked and is good; what could not be checked says so."""
    monkeypatch.setattr(command, "advisories", lambda *_: said)
    monkeypatch.setattr(command, "_valid", lambda _: 0)
    monkeypatch.setattr(command, "index_of_pip", lambda: "https://index.example.org")
    monkeypatch.setattr(command, "ages", lambda *_: ((), ""))
    assert expected == command.main(["all", "--out", str(tmp_path)])
    shown = capsys.readouterr().err
    assert ("COULD NOT BE CHECKED HERE" in shown) is (expected == 6)
    written = {path.name for path in tmp_path.iterdir()}
    assert {
        "sbom.cdx.json",
        "licences.json",
        "advisories.json",
        "ages.json",
        "replaced.json",
    } == written


def test_the_bill_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`sbom` asks neither the index nor any service, and starts no program."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was asked")

    monkeypatch.setattr(command, "advisories", never)
    monkeypatch.setattr(command, "ages", never)
    monkeypatch.setattr(subprocess, "run", never)
    assert 0 == command.main(["sbom", "--out", str(tmp_path)])
    assert "CycloneDX" == json.loads((tmp_path / "sbom.cdx.json").read_text())["bomFormat"]


def test_what_is_left_out_is_listed_with_its_reason() -> None:
    """Everything that a placeholder stands for, TensorFlow first of all."""
    rows = {row["package"]: row for row in left_out()}
    assert rows["tensorflow"]["needed_by"] and rows["tensorflow"]["comes_back_with"]
    assert set() == rows.keys() & {name for name in entries(PRODUCTION)}

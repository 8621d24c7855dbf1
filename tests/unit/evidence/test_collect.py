"""`gatehouse evidence` over a deployment: what it collects, what it never tells, how it fails."""

from __future__ import annotations

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatehouse import runtime as composition
from gatehouse.audit import AuditUnavailable
from gatehouse.backup.status import note
from gatehouse.cli.evidence import COMMANDS, evidence
from gatehouse.cli.evidence.check import ClaimsFailed
from gatehouse.cli.evidence.collect import SomethingWrong
from gatehouse.clock import SettableClock, as_iso
from gatehouse.errors import GatehouseError, InvalidInput, NotReady, Unavailable
from gatehouse.ops.doctor import Finding, Level
from gatehouse.ops.doctor import Report as DoctorReport
from gatehouse.ops.evidence.bundle import BundleForged
from gatehouse.ops.evidence.catalogue import attack_ids
from gatehouse.ops.evidence.live import LOOKS, Asked, Live, look, look_at
from gatehouse.ops.selftest.attack import Result as AttackResult
from gatehouse.ops.selftest.catalogue import catalogue
from gatehouse.ops.selftest.engine import Report
from gatehouse.ops.selftest.report.document import as_json
from gatehouse.runtime import Runtime, open_runtime
from tests.unit.audit.conftest import as_owner
from tests.unit.evidence.conftest import MARK, SMALL, make_map
from tests.unit.evidence.test_outcomes import results


@pytest.fixture(scope="module")
def collected(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the marked deployment, as the command writes it."""
    path = tmp_path_factory.mktemp("bundle") / "evidence.zip"
    result = CliRunner().invoke(
        evidence, ["collect", "--out", str(path)], env={"GATEHOUSE_HOME": str(home)}
    )
    assert isinstance(result.exception, SomethingWrong), result.output  # the local authority
    return path


@pytest.fixture
def members(collected: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(collected) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        evidence, arguments, env={"GATEHOUSE_HOME": str(home)}, standalone_mode=False
    )


def refused(home: Path, *arguments: str) -> GatehouseError:
    error = run(home, *arguments).exception
    assert isinstance(error, GatehouseError), error
    return error


def test_no_person_is_in_a_bundle(members: dict[str, bytes], home: Path) -> None:
    """No name, department, number, browser, conversation, path or pseudonym, in any member."""
    whole = b"\n".join([*members.values(), *(name.encode() for name in members)]).lower()
    assert MARK.lower().encode() not in whole
    runtime = open_runtime(home)
    person = runtime.directory.people()[0]
    names = [*runtime.audit.pseudonyms("person", person.id), person.id, str(home)]
    runtime.close()
    assert not [name for name in names if name.lower().encode() in whole]


def test_the_search_above_would_find_one(home: Path) -> None:
    """The marks really are in what the command looks at."""
    runtime = open_runtime(home)
    assert MARK in runtime.directory.people()[0].display_name
    entries = "".join(entry.body for entry in runtime.audit.entries())
    assert f"{MARK}.walsh" in entries
    runtime.close()
    assert MARK in str(home)


def test_a_bundle_says_what_was_looked_at(members: dict[str, bytes]) -> None:
    """Every look is there, with its state; one that could not be taken has the reason."""
    document = json.loads(members["evidence.json"])
    live = {one["name"]: one for one in document["live"]}
    assert list(LOOKS) == list(live)
    assert all(one["why"] for one in live.values() if one["state"] == "not available")
    assert 1 == live["accounts"]["facts"]["active"]
    assert 1 == live["accounts"]["facts"]["without_second_factor"]
    assert 1 == live["retention"]["facts"]["conversations"]
    assert 3 <= live["audit"]["facts"]["entries"]
    assert "bad" == live["configuration"]["state"]
    assert {"deny": 1} == next(iter(live["activity"]["facts"]["decisions_by_month"].values()))
    assert live["policies"]["facts"]["tested_decisions"] > 100
    assert b"Policy report" in members["live/policy-report.html"]


def test_the_log_knows_the_bundle(collected: Path, home: Path) -> None:
    """One entry with the hash of what was signed, and the bundle names its position."""
    with zipfile.ZipFile(collected) as archive:
        sums, signature = archive.read("SHA256SUMS"), archive.read("SIGNATURE").decode()
    runtime = open_runtime(home)
    entries = {entry.sequence: entry.facts() for entry in runtime.audit.entries()}
    runtime.close()
    mine = [n for n, one in entries.items() if one.get("bundle") == sha256(sums).hexdigest()]
    assert ["evidence"] == [entries[number]["kind"] for number in mine]
    assert f"entry {mine[0]}\n" in signature


def test_free_text_of_settings_stays_here(members: dict[str, bytes]) -> None:
    """Choices and numbers are shown; addresses, paths and names only as set or not set."""
    shown = json.loads(members["live/configuration.json"])["facts"]["settings"]
    assert 86400 == shown["retention.ttl"]
    assert "development" == shown["server.profile"]
    assert ("set", "not set") == (shown["database.url"], shown["database.url_file"])
    assert "0 listed" == shown["server.trusted_proxies"]
    assert "Europe/Berlin" == shown["policy.time_zone"]


def test_verify_needs_only_the_key(collected: Path, home: Path, tmp_path: Path) -> None:
    """With the key anywhere; without it the deployment's log has to have the entry."""
    runtime = open_runtime(home)
    key = runtime.checkpoints.trust.log[0].vkey  # type: ignore[attr-defined]
    runtime.close()
    result = run(tmp_path, "verify", str(collected), "--key", key, "--json")
    assert (0, None) == (result.exit_code, json.loads(result.output)["recorded"])
    assert "of the audit log says the same" in run(home, "verify", str(collected)).output
    assert isinstance(
        refused(tmp_path, "verify", str(collected), "--key", "nonsense"), InvalidInput
    )


def test_a_tampered_bundle_ends_the_command_with_five(
    collected: Path, home: Path, tmp_path: Path
) -> None:
    """Changed and cut off; an error and no traceback."""
    raw = bytearray(collected.read_bytes())
    raw[len(raw) // 2] ^= 1
    path = tmp_path / "tampered.zip"
    path.write_bytes(raw)
    error = refused(home, "verify", str(path))
    assert (BundleForged, 5) == (type(error), error.exit_code)
    path.write_bytes(collected.read_bytes()[:-1000])
    assert 5 == refused(home, "verify", str(path)).exit_code


def test_a_bundle_of_another_deployment_is_told(collected: Path, tmp_path: Path) -> None:
    """A deployment whose log has no entry of it, under the same key or another."""
    from gatehouse.clock import SystemClock
    from gatehouse.keys import KeyRing
    from tests.unit.evidence.conftest import PROJECT

    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(PROJECT / "domain.yml", other / "domain.yml")
    shutil.copytree(PROJECT / "policies", other / "policies")
    KeyRing.initialise(other / "var" / "keys", SystemClock()).close()
    assert "not signed with the key at hand" in refused(other, "verify", str(collected)).message


def test_an_entry_that_says_something_else_is_told(
    collected: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle is signed, and the log does not know it."""
    monkeypatch.setattr("gatehouse.audit.AuditLog.entry", lambda self, number: next(self.entries()))
    error = refused(home, "verify", str(collected))
    assert "does not record the bundle" in error.message


@pytest.mark.parametrize("lost", ["var/gatehouse.db", "var/audit.db"])
def test_a_database_that_is_missing_is_not_made(home: Path, tmp_path: Path, lost: str) -> None:
    """An empty one would look like a deployment in which nothing ever happened."""
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    (copy / lost).unlink()
    error = refused(copy, "collect", "--out", str(tmp_path / "out.zip"))
    assert (NotReady, 6) == (type(error), error.exit_code)
    assert not (copy / lost).exists()
    assert not (tmp_path / "out.zip").exists()


def test_without_keys_there_is_no_bundle(home: Path, tmp_path: Path) -> None:
    """Neither a ring nor a root: the error says what to run."""
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    shutil.rmtree(copy / "var" / "keys")
    error = refused(copy, "collect", "--out", str(tmp_path / "out.zip"))
    assert 6 == error.exit_code
    assert not (tmp_path / "out.zip").exists()


@pytest.fixture
def copied(home: Path, tmp_path: Path) -> Iterator[Runtime]:
    """A copy of the deployment that a test may damage."""
    shutil.copytree(home, tmp_path / "copy")
    opened = open_runtime(tmp_path / "copy")
    yield opened
    opened.close()


def test_an_altered_log_is_told_and_signed(copied: Runtime, tmp_path: Path) -> None:
    """The bundle exists, says which look found it, and the command ends with 4."""
    as_owner(copied.audit, "UPDATE gh_audit SET body = replace(body, 'deny', 'allow')")
    error = refused(tmp_path / "copy", "collect", "--out", str(tmp_path / "out.zip"))
    assert 4 == error.exit_code
    assert "audit" in error.message
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        told = json.loads(archive.read("live/audit.json"))
    assert ("bad", True) == (told["state"], "is not what was written" in told["why"])


def test_a_look_that_breaks_is_not_available(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a way that nobody expected; the others are taken, and no words of the error are kept."""

    def broken(_: Asked) -> Any:
        raise ValueError(f"rows of {MARK}")

    looks = {**LOOKS, "keys": ("Keys", broken)}
    monkeypatch.setattr("gatehouse.ops.evidence.live.LOOKS", looks)
    found = {one.name: one for one in look(Asked(runtime))}
    assert ("not available", "collected") == (found["keys"].state, found["accounts"].state)
    assert MARK not in found["keys"].why


def test_what_is_overdue_is_bad(runtime: Runtime) -> None:
    """Conversations that expired and were not removed are counted and told."""
    runtime.clock.advance(10 * 86400)  # type: ignore[attr-defined]
    found = look_at("retention", Asked(runtime))
    assert ("bad", 1) == (found.state, found.facts["expired_not_removed"])


def test_postgresql_is_looked_at_alike(
    home: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look that can be taken of SQLite can be taken of it; a server that is away is said."""
    copy = tmp_path / "copy"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("*.db*", "witness", "audit-anchor"))
    for section in ("DATABASE", "AUDIT"):
        monkeypatch.setenv(f"GATEHOUSE_{section}_URL", postgres_url)
    shutil.copy(home / "var" / "keys" / "ring.db", copy / "var" / "keys" / "ring.db")
    runtime = open_runtime(copy)
    runtime.record_start()
    states = {one.name: one.state for one in look(Asked(runtime, audit=tmp_path))}
    runtime.close()
    assert {"not available"} == {states[name] for name in ("sbom", "selftest", "backup")}
    for name in ("accounts", "retention", "keys", "audit", "activity", "policies", "configuration"):
        assert "not available" != states[name], name
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "postgresql+psycopg2://nobody@127.0.0.1:1/none")
    error = refused(copy, "collect", "--out", str(tmp_path / "out.zip"))
    assert 6 == error.exit_code
    assert not (tmp_path / "out.zip").exists()


def test_a_full_disk_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6, no file and no part of one."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    runtime = open_runtime(home)
    monkeypatch.setattr(composition, "open_runtime", lambda _home: runtime)
    monkeypatch.setattr("gatehouse.ops.evidence.bundle.os.fsync", full)
    error = refused(home, "collect", "--out", str(tmp_path / "out.zip"))
    assert (Unavailable, 6) == (type(error), error.exit_code)
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_recorded_is_not_signed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the entry in the audit log there is no bundle."""

    def away(*_: Any, **__: Any) -> int:
        raise AuditUnavailable("the audit log cannot be written")

    monkeypatch.setattr("gatehouse.audit.AuditLog.append", away)
    assert isinstance(refused(home, "collect", "--out", str(tmp_path / "o.zip")), AuditUnavailable)
    assert not (tmp_path / "o.zip").exists()


def test_a_file_that_is_there_is_never_replaced(home: Path, collected: Path) -> None:
    """Said before anything is looked at."""
    before = collected.read_bytes()
    assert isinstance(refused(home, "collect", "--out", str(collected)), InvalidInput)
    assert before == collected.read_bytes()


def test_results_of_tests_are_taken_over(home: Path, tmp_path: Path) -> None:
    """Named ones have to be of this code; the bundle then says how each claimed test ended."""
    tests, wrong = tmp_path / "tests.json", tmp_path / "other.json"
    tests.write_text(results({"t.py::test_nothing_is_allowed_by_default": {"passed": 1}}))
    wrong.write_text(results({}, code="0" * 64))
    out = str(tmp_path / "out.zip")
    assert isinstance(refused(home, "collect", "--out", out, "--results", str(wrong)), NotReady)
    refused(home, "collect", "--out", out, "--results", str(tests))
    with zipfile.ZipFile(out) as archive:
        document = json.loads(archive.read("evidence.json"))
    ended = next(one["tests"] for one in document["requirements"] if one["id"] == "v5.0.0-8.2.1")
    assert "passed" == ended["test_nothing_is_allowed_by_default"]
    assert "not run" == ended["test_every_role_may_do_exactly_what_is_listed"]


def test_results_of_the_audit_are_attached_if_they_are_some(
    runtime: Runtime, tmp_path: Path
) -> None:
    """A bill in CycloneDX, and advisories that were looked up lately; anything else is not available."""

    def asked_about(ago: float | None = 60.0, **facts: object) -> str:
        made = None if ago is None else as_iso(runtime.clock.now() - ago)
        return json.dumps({"made": made, **facts})

    def told(sbom: str, advisories: str) -> tuple[Live, Live]:
        (tmp_path / "sbom.cdx.json").write_text(sbom)
        (tmp_path / "advisories.json").write_text(advisories)
        asked = Asked(runtime, audit=tmp_path)
        return look_at("sbom", asked), look_at("advisories", asked)

    bill = '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}'
    sbom, advisories = told(bill, asked_about(checked=True, open=0, packages=90))
    assert ("collected", bill.encode()) == (sbom.state, sbom.files["sbom.cdx.json"])
    assert ("good", 90) == (advisories.state, advisories.facts["packages"])
    assert "bad" == told(bill, asked_about(checked=True, open=2))[1].state
    late = told(bill, asked_about(45 * 86400 + 60, checked=True, open=0))[1]
    assert ("not available", "45 days ago" in late.why) == (late.state, True)
    for made in (-86400.0, None):
        unclear = told(bill, asked_about(made, checked=True, open=0))[1]
        assert "not available" == unclear.state
    for text in ("{}", "[]", "no json", '{"bomFormat": "SPDX"}', '{"checked": false, "open": 0}'):
        sbom, advisories = told(text, text)
        assert ["not available"] * 2 == [sbom.state, advisories.state]
        assert not sbom.files | advisories.files


def test_a_self_test_is_taken_over_without_its_words(runtime: Runtime, tmp_path: Path) -> None:
    """Outcomes by attack; one that succeeded is bad, one that was not made is a remark."""
    report = tmp_path / "selftest.json"

    def told(ago: float = 60.0, **outcomes: str) -> Live:
        made = as_iso(runtime.clock.now() - ago)
        attacks = [
            {"id": name, "outcome": how, "severity": "high", "details": [MARK]}
            for name, how in outcomes.items()
        ]
        report.write_text(
            json.dumps({"version": 1, "made": made, "account": True, "attacks": attacks})
        )
        return look_at("selftest", Asked(runtime, selftest=report))

    good, weak, bad = told(a="passed"), told(a="passed", b="not_run"), told(a="failed")
    assert ["good", "remarks", "bad"] == [one.state for one in (good, weak, bad)]
    assert {"a": "passed", "b": "not run"} == weak.parts
    assert MARK not in str(bad)
    old = told(93 * 86400.0, a="passed")
    assert ("remarks", "the attacks were made 93 days ago") == (old.state, old.why)
    assert "not available" == told(-86400.0, a="passed").state
    for text in ("{}", '{"version": 2, "account": true, "attacks": []}', '{"attacks": 1}', "x"):
        report.write_text(text)
        found = look_at("selftest", Asked(runtime, selftest=report))
        assert "not available" == found.state


def test_the_doctor_is_asked_and_its_words_are_left_out(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One finding to mend is bad, one that is advised or could not be checked a remark."""
    found: list[Finding] = []

    def examined(*_: object, **__: object) -> DoctorReport:
        return DoctorReport(0.0, "development", tuple(found))

    monkeypatch.setattr("gatehouse.ops.evidence.live.reports.examine", examined)
    states = []
    levels: tuple[Level, ...] = ("good", "advice", "unknown", "bad")
    for level in levels:
        found.append(Finding(f"part.{level}", level, MARK))
        told = look_at("doctor", Asked(runtime))
        states.append(told.state)
        assert MARK not in str(told)
    assert ["good", "remarks", "remarks", "bad"] == states
    assert "to mend: part.bad" in told.why


def test_the_report_of_the_self_test_is_understood(runtime: Runtime, tmp_path: Path) -> None:
    """As `gatehouse selftest --json` writes it, with every attack of the catalogue."""
    outcomes = cycle(("passed", "not_run"))
    results_ = tuple(AttackResult(one, next(outcomes), (MARK,)) for one in catalogue())  # type: ignore[arg-type]
    path = tmp_path / "selftest.json"
    path.write_text(
        as_json(Report("https://x.example", runtime.clock.now(), 1.0, "somebody", False, results_))
    )
    found = look_at("selftest", Asked(runtime, selftest=path))
    assert attack_ids() == found.parts.keys()
    assert ("remarks", {"passed", "not run"}) == (found.state, set(found.parts.values()))
    assert not {MARK, "somebody"} & set(str(found).split("'"))


def test_a_backup_that_is_late_or_failed_is_bad(home: Path) -> None:
    """None set is not available; one without a drill is a remark; late, failed or undone is bad."""
    runtime = open_runtime(home, SettableClock())
    now, states = runtime.clock.now(), []

    def told(**status: Any) -> str:
        note(runtime.settings, **status)
        return look_at("backup", Asked(asked)).state

    asked = runtime
    states.append(told())
    section = replace(runtime.settings.backup, target="/mnt/second")
    asked = replace(runtime, settings=replace(runtime.settings, backup=section))
    states.append(told())
    states.append(told(last_backup_at=now))
    states.append(told(last_drill_at=now, last_drill_ok=True))
    states.append(told(last_drill_ok=False))
    states.append(told(last_drill_ok=True, last_error_at=now + 1))
    states.append(told(last_error_at=None, last_backup_at=now - 100_000))
    runtime.close()
    assert ["not available", "bad", "remarks", "good", "bad", "bad", "bad"] == states


def test_check_holds_the_claims_against_the_results(tmp_path: Path) -> None:
    """A claimed test that did not run, or failed, ends the command with 4 and is named."""
    make_map(
        tmp_path / "map", SMALL.replace("test_one", "test_vector").replace("test_two", "test_fits")
    )
    text = (
        (tmp_path / "map" / "own.yml")
        .read_text()
        .replace("test_fits", "test_overhead_is_as_documented")
    )
    (tmp_path / "map" / "own.yml").write_text(text)
    path = tmp_path / "tests.json"
    ran = {
        "t.py::test_vector": {"passed": 2},
        "t.py::test_overhead_is_as_documented": {"passed": 1},
    }
    path.write_text(results(ran))
    arguments = ("check", "--map", str(tmp_path / "map"), "--results", str(path))
    assert 0 == run(tmp_path, *arguments).exit_code
    for spoilt in ({"skipped": 1}, {"failed": 1, "passed": 5}):
        path.write_text(results({**ran, "t.py::test_vector": spoilt}))
        result = run(tmp_path, *arguments)
        assert isinstance(result.exception, ClaimsFailed)
        assert "test_vector: " in result.output
    path.write_text(results({"t.py::test_vector": {"passed": 1}}))
    assert "test_overhead_is_as_documented: not run" in run(tmp_path, *arguments).output


def test_map_and_gaps_need_no_deployment(tmp_path: Path) -> None:
    """Text for people, JSON for programs; an unknown id or framework is an error."""
    assert "CC6.1  partly" in run(tmp_path, "map", "--framework", "soc2").output
    one = json.loads(run(tmp_path, "map", "v5.0.0-8.2.1", "--json").output)[0]
    assert ("met", 1) == (one["status"], one["level"])
    assert "not met: " in run(tmp_path, "map", "CC6.1").output
    gaps = json.loads(run(tmp_path, "gaps", "--framework", "asvs", "--level", "1", "--json").output)
    assert gaps
    assert all(one["gap"] and one["level"] == 1 for one in gaps)
    assert "customer: " in run(tmp_path, "gaps", "--customer").output
    assert isinstance(refused(tmp_path, "map", "v9.9.9"), InvalidInput)
    assert isinstance(refused(tmp_path, "gaps", "--framework", "pci"), InvalidInput)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_evidence_has_its_help(tmp_path: Path, name: str) -> None:
    """Each is there and says what it does."""
    assert "Usage" in run(tmp_path, name, "--help").output

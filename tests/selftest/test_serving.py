"""A serving build knows no weaknesses, and the command finds what a server was given."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gatehouse.ops.selftest.attack import SEVERITIES, STRIDE
from gatehouse.ops.selftest.catalogue import catalogue
from tests.e2e.deployment import PROJECT, Deployment
from tests.selftest.weakened import Weakened, lend


def test_a_serving_build_refuses_weaknesses(tmp_path: Path) -> None:
    """Neither an option nor a variable asks for one, and nothing that is installed names them."""
    deployment = Deployment(tmp_path / "home")
    assert 2 == deployment.command("run", "--weakness", "slash_stays").returncode
    deployment.environment["GATEHOUSE_WEAKNESS"] = "slash_stays"
    run = deployment.command("run")
    assert 3 == run.returncode
    assert "GATEHOUSE_WEAKNESS" in run.stderr
    for path in [*(PROJECT / "gatehouse").rglob("*.py"), *(PROJECT / "actions").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) tests\b|weaknesses", text, re.MULTILINE), path


def test_the_command_finds_and_reports(weakened: Weakened, tmp_path: Path) -> None:
    """Exit code 4, the finding first, and every form of report; without the weakness 0."""
    account = lend(weakened.person("employee"))
    weakened.environment |= {"SELFTEST_PASSWORD": account.password}
    arguments = ("selftest", weakened.origin, "--ca-file", "var/tls/authority.pem")
    arguments += ("--account", account.username, "--only", "csrf-token", "--only", "code-replay")
    forms = {form: tmp_path / form for form in ("json", "junit", "sarif", "html")}
    written = [word for form, path in forms.items() for word in (f"--{form}", str(path))]
    weakened.weaken("csrf_not_compared")
    try:
        found = weakened.command(*arguments, *written)
    finally:
        weakened.weaken("")
    assert 4 == found.returncode, found.stderr
    assert found.stdout.startswith("HIGH      csrf-token")
    report = json.loads(forms["json"].read_text())
    outcomes = {attack["id"]: attack["outcome"] for attack in report["attacks"]}
    assert {"csrf-token": "failed", "code-replay": "not_run"} == outcomes
    (run,) = json.loads(forms["sarif"].read_text())["runs"]
    assert ["fail", "open"] == [result["kind"] for result in run["results"]]
    junit = forms["junit"].read_text()
    assert ('failures="1"', 'skipped="1"') == tuple(re.findall(r'(?:failures|skipped)="1"', junit))
    assert "without a CSRF token" in forms["html"].read_text()
    for text in (found.stdout, found.stderr, *(path.read_text() for path in forms.values())):
        assert account.password not in text
    whole = weakened.command(*arguments)
    assert 0 == whole.returncode, whole.stdout
    assert 4 == weakened.command(*arguments, "--require-all").returncode


def test_a_page_takes_nothing_for_markup() -> None:
    """What a target answers is quoted in findings, and is text in every form."""
    import xml.etree.ElementTree as ET

    from gatehouse.ops.selftest.attack import Result
    from gatehouse.ops.selftest.engine import Report
    from gatehouse.ops.selftest.report import junit, page, sarif

    evil = '<script>alert("x")</script>\x00\x1b[31m\ud800]]>'
    result = Result(catalogue()[0], "failed", (evil,), 1)
    report = Report("https://localhost", 1_800_000_000.0, 1.0, "", False, (result,))
    shown = page.as_page(report)
    assert "<script" not in shown
    assert 1 == shown.count("Content-Security-Policy")
    assert (
        ET.fromstring(junit.as_junit(report).encode("utf-8", "replace"))[0].get("failures") == "1"
    )
    assert json.loads(sarif.as_sarif(report))["version"] == "2.1.0"


def test_every_attack_says_what_it_is() -> None:
    """Ids are unique and stay; each says what it tries, what is expected, and how to mend it."""
    attacks = catalogue()
    assert len(attacks) == len({attack.id for attack in attacks}) >= 60
    for attack in attacks:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", attack.id)
        assert attack.severity in SEVERITIES
        assert attack.stride and set(attack.stride) <= STRIDE.keys()
        assert attack.asvs and all(re.fullmatch(r"V\d+\.\d+\.\d+", one) for one in attack.asvs)
        assert attack.title and attack.expects and attack.mend
        module = attack.attempt.__module__.rpartition(".")[2]
        assert attack.id == module.replace("_", "-"), "the file is named as the attack"


@pytest.mark.outside
@pytest.mark.parametrize("needs", ["nothing", "account"])
def test_without_account_or_codes_the_rest_is_made(weakened: Weakened, needs: str) -> None:
    """What needs more than was lent is not run, and says so."""
    from gatehouse.ops.selftest.catalogue import chosen
    from gatehouse.ops.selftest.engine import run
    from tests.selftest.weakened import site_of

    account = weakened.person("employee") if needs == "account" else None
    site = site_of(weakened, account)
    if site.account is not None:
        site.account.secret = ""
    report = run(site, chosen((), ("slow-requests", "message-flood")))
    assert () == report.having("failed")
    wanted = {"nothing": {"account", "code"}, "account": {"code"}}[needs]
    left = {one.attack.needs for one in report.having("not_run") if not one.attack.destructive}
    assert wanted == left

"""A serving build knows no weaknesses; attacks and reports are what they say."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from gatehouse.ops.selftest.attack import SEVERITIES, STRIDE, Result
from gatehouse.ops.selftest.catalogue import catalogue
from gatehouse.ops.selftest.engine import Report
from gatehouse.ops.selftest.report import junit, page, sarif
from tests.e2e.deployment import PROJECT, Deployment


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


def test_a_page_takes_nothing_for_markup() -> None:
    """What a target answers is quoted in findings, and is text in every form."""
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

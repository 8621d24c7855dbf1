"""The default deployment, served as people serve it, withstands every attack there is."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment
from tests.selftest.weakened import lend, name_a_webhook

pytestmark = [pytest.mark.outside, pytest.mark.timeout(1200)]


def test_the_default_deployment_withstands_everything(tmp_path: Path) -> None:
    """`gatehouse selftest` with a test account and all attacks finds nothing and leaves none out."""
    secrets, limits = tmp_path / "account", {"GATEHOUSE_LIMITS_SIGN_INS_PER_MINUTE": "20"}
    with Deployment(tmp_path / "home", **limits) as deployment:
        name_a_webhook(deployment.home)
        assert 0 == deployment.command("init", "--demo").returncode
        deployment.start()
        account = lend(deployment.person("employee"))
        secrets.mkdir()
        (secrets / "password").write_text(account.password)
        (secrets / "totp").write_text(account.secret)
        run = deployment.command(
            "selftest",
            deployment.origin,
            *("--ca-file", "var/tls/authority.pem", "--account", account.username),
            *("--password-file", str(secrets / "password"), "--totp-file", str(secrets / "totp")),
            *("--webhook", "hr", "--destructive", "--require-all"),
            *("--json", "report.json", "--junit", "report.xml"),
            *("--sarif", "report.sarif", "--html", "report.html"),
            timeout=1000,
        )
        assert 0 == run.returncode, run.stdout + run.stderr
        report = json.loads((deployment.home / "report.json").read_text())
        suite = ET.parse(deployment.home / "report.xml").getroot()[0]
        sarif = json.loads((deployment.home / "report.sarif").read_text())
        every = [path.read_text() for path in deployment.home.glob("report.*")]
    assert 0 == report["summary"]["failed"] == report["summary"]["not_run"]
    assert {"passed"} == {attack["outcome"] for attack in report["attacks"]}
    assert ("0", "0") == (suite.get("failures"), suite.get("skipped"))
    assert {"pass"} == {result["kind"] for result in sarif["runs"][0]["results"]}
    for text in (*every, run.stdout, run.stderr):
        assert account.password not in text and account.secret not in text

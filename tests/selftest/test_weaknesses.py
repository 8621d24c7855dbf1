"""The self-test can fail: each weakness that a server is given is found, and a whole one is left alone."""

from __future__ import annotations

import json
import pkgutil
import re
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from gatehouse.ops.selftest.catalogue import catalogue, chosen
from gatehouse.ops.selftest.engine import run
from tests.selftest import weaknesses
from tests.selftest.weakened import Weakened, lend, site_of

NAMES = sorted(module.name for module in pkgutil.iter_modules(weaknesses.__path__))
QUICK = {"csrf_not_compared", "headers_without_policy", "slash_stays"}


def found_by(name: str) -> str:
    """The attack that must find a weakness; read, for importing it is the server's business."""
    text = (Path(__file__).parent / "weaknesses" / f"{name}.py").read_text(encoding="utf-8")
    found = re.search(r'^FOUND_BY = "([a-z-]+)"$', text, re.MULTILINE)
    assert found is not None, name
    return found[1]


def _marked(name: str) -> ParameterSet:
    return pytest.param(name, marks=() if name in QUICK else pytest.mark.outside)


@pytest.mark.parametrize("name", [_marked(name) for name in NAMES])
def test_a_weakness_is_found(weakened: Weakened, name: str) -> None:
    """The attack that is made for it finds the weakness, and nothing once the weakness is gone."""
    attack = found_by(name)
    weakened.weaken(name)
    try:
        (result,) = weakened.attack(attack).results
    finally:
        weakened.weaken("")
    assert ("failed", attack) == (result.outcome, result.attack.id), result
    if attack == "slow-requests":
        return  # half a minute; the run on the default deployment makes it too
    (after,) = weakened.attack(attack).results
    assert "passed" == after.outcome, after


def test_there_are_enough_weaknesses() -> None:
    """At least 25, and each names an attack that there is."""
    assert 25 <= len(NAMES)
    assert set() == {found_by(name) for name in NAMES} - {attack.id for attack in catalogue()}


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


@pytest.mark.outside
def test_without_an_account_the_rest_is_made(weakened: Weakened) -> None:
    """What needs an account is not run and says so; everything else is made, and finds nothing."""
    report = run(site_of(weakened), chosen((), ("slow-requests",)))
    assert () == report.having("failed")
    left = {one.attack.needs for one in report.having("not_run") if not one.attack.destructive}
    assert {"account", "code"} == left


@pytest.mark.outside
def test_without_codes_what_needs_them_is_not_run(weakened: Weakened) -> None:
    """An account without the secret of its authenticator is enough for the others."""
    site = site_of(weakened, weakened.person("employee"))
    assert site.account is not None
    site.account.secret = ""
    coded = [attack for attack in catalogue() if attack.needs == "code"]
    report = run(site, [*coded, *chosen(("csrf-token",), ())])
    outcomes = [result.outcome for result in report.results]
    assert outcomes == ["not_run"] * len(coded) + ["passed"]

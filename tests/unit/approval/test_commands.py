"""`gatehouse policy propose`, `approve`, `status` and `check` with four eyes, at a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatehouse.cli.policy import policy
from gatehouse.clock import SystemClock
from gatehouse.errors import GatehouseError
from gatehouse.runtime import Runtime
from tests.unit.approval.conftest import CLOSING, PASSWORD, House
from tests.unit.approval.test_four_eyes import effect, opening


@pytest.fixture
def terminal(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command; the password comes from a file and the code is typed."""
    # The commands ask the clock of the machine, so everybody here does.
    house.clock = SystemClock()  # type: ignore[assignment]
    monkeypatch.setattr(house, "code", _now(house))
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    monkeypatch.setenv("GATEHOUSE_HOME", str(house.home))
    monkeypatch.setenv("GATEHOUSE_PASSWORD_FILE", str(secret))

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(policy, list(words), input=typed)

    return run


def _now(house: House) -> Any:
    import time

    import pyotp

    return lambda name: pyotp.TOTP(house.secrets[name]).at(int(time.time()))


def message(result: Result) -> str:
    """What the command line prints for the error that the command raised."""
    assert isinstance(result.exception, GatehouseError), result.output
    return result.exception.diagnostics()


@pytest.fixture
def serving(house: House, terminal: Any) -> Runtime:
    runtime = house.begin()
    house.person(runtime, "ann")
    house.person(runtime, "ben")
    return runtime


def test_two_people_at_the_terminal(house: House, serving: Runtime, terminal: Any) -> None:
    """Propose, status, approve: the edit is in force, and each step says what comes next."""
    opening(house)
    serving.policies.reload_if_changed()
    revision = serving.policies.waiting
    assert "waits for a second person" in terminal("check").stderr
    shown = terminal("status").stdout
    assert f"waiting    {revision}" in shown
    assert "nobody yet: its author runs" in shown
    proposed = terminal("propose", "--as", "ann", typed=house.code("ann") + "\n")
    assert 0 == proposed.exit_code, proposed.output
    assert f"gatehouse policy approve {revision}" in proposed.stderr
    assert "added rule bands-for-managers" in proposed.stderr
    assert "+ more  view_leave_balance: contractor" in proposed.stderr
    # The edit takes the policy tests away, which the one who approves has to see.
    tested = serving.policies.current().tested
    assert f"policy tests check 0 decisions, before the edit {tested}" in proposed.stderr
    own = terminal("approve", revision, "--as", "ann")
    assert "cannot approve it" in message(own)  # and no code of hers is used up
    approved = terminal("approve", revision, "--as", "ben", typed=house.code("ben") + "\n")
    assert 0 == approved.exit_code, approved.output
    (waiting,) = json.loads(terminal("status", "--json").stdout)["waiting"]
    assert ("ann", "ben", True) == (
        waiting["proposed_by"],
        waiting["approved_by"],
        waiting["in_files"],
    )
    assert serving.policies.reload_if_changed()
    assert "allow" == effect(serving)
    assert [] == json.loads(terminal("status", "--json").stdout)["waiting"]
    kinds = [json.loads(entry.body) for entry in serving.audit.entries()]
    who = {b["kind"]: b for b in kinds if b["kind"] in ("policy_proposed", "policy_approved")}
    assert ("ann", "ben") == (
        who["policy_proposed"]["proposed_by"],
        who["policy_approved"]["approved_by"],
    )


def test_another_revision_is_not_approved(house: House, serving: Runtime, terminal: Any) -> None:
    """What is named must be what lies in the files, and be named well enough."""
    opening(house)
    serving.policies.reload_if_changed()
    for wrong, said in (
        ("0" * 64, "the files have the revision"),
        (serving.policies.waiting[:8], "is too short to name what you stand for"),
    ):
        result = terminal("approve", wrong, "--as", "ben", typed="123456\n")
        assert said in message(result)


def test_a_wrong_code_is_told(house: House, serving: Runtime, terminal: Any) -> None:
    """And counted and recorded like any other."""
    opening(house)
    serving.policies.reload_if_changed()
    wrong = next(f"{n:06d}" for n in range(10) if f"{n:06d}" != house.code("ann"))
    assert "not right" in message(terminal("propose", "--as", "ann", typed=wrong + "\n"))
    assert any('"kind":"step_up_failed"' in entry.body for entry in serving.audit.entries())


def test_an_edit_that_closes_needs_nobody(house: House, serving: Runtime, terminal: Any) -> None:
    """Proposing or approving it says so, asks for nothing and succeeds."""
    house.write(CLOSING)
    for words in (("propose",), ("approve", "0" * 12)):
        result = terminal(*words)
        if words[0] == "approve":
            assert "the files have the revision" in message(result)
        else:
            assert (0, True) == (result.exit_code, "opens nothing" in result.stderr)
    assert serving.policies.reload_if_changed()


def test_switched_off_there_is_nothing_to_approve(
    house: House, serving: Runtime, terminal: Any
) -> None:
    """The commands say how to switch four eyes on; the status says that they are off."""
    house.switch(False)
    assert "four eyes are not switched on" in message(terminal("propose"))
    assert "four eyes  off" in terminal("status").stdout


def test_check_says_when_the_server_knows_another_domain(
    house: House, serving: Runtime, terminal: Any
) -> None:
    """A response that was added after the start is fine for the files and refused by the server; both
    say so."""
    domain = house.home / "domain.yml"
    text = domain.read_text(encoding="utf-8")
    domain.write_text(
        text.replace(
            "  utter_refused_later:",
            "  utter_refused_new:\n    - text: No.\n  utter_refused_later:",
        )
    )
    house.write(CLOSING + "    say: utter_refused_new\n")
    assert not serving.policies.reload_if_changed()
    result = terminal("check")
    assert 0 == result.exit_code
    assert "was started with another domain.yml" in result.stderr
    assert "unknown response `utter_refused_new`" in result.stderr
    assert json.loads(terminal("check", "--json").stdout)["notes"]

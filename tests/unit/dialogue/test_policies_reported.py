"""What becomes of the policies is recorded and said while serving, and only then."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
from pathlib import Path

import pytest
from sanic import Sanic

from gatehouse.clock import SettableClock
from gatehouse.dialogue.action_server import ActionServer
from gatehouse.policy import PolicyInvalid
from gatehouse.runtime import Runtime, open_runtime

MARK = "gatehouse.approval.report"


def kinds(runtime: Runtime) -> list[str]:
    return [json.loads(entry.body)["kind"] for entry in runtime.audit.entries()]


def policy_file(home: Path) -> Path:
    return next((home / "policies").glob("*.yml"))


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(item.levelname, item.getMessage()) for item in caplog.records if item.name == MARK]


def test_a_command_records_no_policies(runtime: Runtime) -> None:
    """Opening the deployment to look at it leaves no entry."""
    assert [] == kinds(runtime)


def test_a_server_records_the_policies_it_starts_with(
    runtime: Runtime, clock: SettableClock
) -> None:
    """One entry for each start."""
    open_runtime(runtime.settings.home, clock, serving=True).close()
    assert ["policy_loaded"] == kinds(runtime)


def test_an_edit_is_recorded_whoever_opened_the_deployment(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """A set that takes effect later is never unreported; the terminal names its revision."""
    path = policy_file(runtime.settings.home)
    path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    with caplog.at_level(logging.INFO, MARK):
        assert runtime.policies.reload_if_changed()
    revision = runtime.policies.current().revision[:8]
    assert [("INFO", f"policies changed revision={revision}")] == said(caplog)
    assert ["policy_loaded"] == kinds(runtime)


def test_a_rejected_edit_is_said_with_its_first_problem(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning: where, what, how many, and what shows the rest. Looking again says nothing."""
    path = policy_file(runtime.settings.home)
    path.write_text("nonsense: 1\n", encoding="utf-8")
    assert not runtime.policies.reload_if_changed()
    assert not runtime.policies.reload_if_changed()
    [(level, message)] = said(caplog)
    assert "WARNING" == level
    assert message.startswith("policies not changed; `gatehouse policy check` shows why first=")
    assert re.search(r" first=policies/\w+\.yml:\d+:\d+:? .* problems=[1-9]\d* ", message)
    assert ["policy_rejected"] == kinds(runtime)


def test_a_start_with_the_last_good_policies_is_said(
    runtime: Runtime, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that starts on broken files says that older policies are in force."""
    open_runtime(runtime.settings.home, clock, serving=True).close()
    policy_file(runtime.settings.home).write_text("nonsense: 1\n", encoding="utf-8")
    open_runtime(runtime.settings.home, clock, serving=True).close()
    [(level, message)] = said(caplog)
    assert "WARNING" == level
    assert message.endswith("restored=True")


def test_a_server_starts_without_its_policy_files(
    runtime: Runtime, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory that is gone or not mounted is like one with a mistake: the last good rules are
    served, which is said and recorded. Where nothing was good before, nothing is served."""
    home = runtime.settings.home
    shutil.move(home / "policies", home / "away")
    with pytest.raises(PolicyInvalid, match=r"the policy directory does not exist") as raised:
        open_runtime(home, clock, serving=True)
    assert 1 == len(raised.value.problems)
    shutil.move(home / "away", home / "policies")
    first = open_runtime(home, clock, serving=True)
    revision = first.policies.current().revision
    first.close()
    caplog.clear()
    shutil.rmtree(home / "policies")
    again = open_runtime(home, clock, serving=True)
    assert revision == again.policies.current().revision
    assert clock.now() == again.policies.status().refused_at
    [(level, message)] = said(caplog)
    assert "WARNING" == level
    assert message.startswith("the policy files cannot be used, older rules are in force")
    assert "policy_rejected" == kinds(again)[-1]
    again.close()


def test_an_action_server_takes_edits_too(runtime: Runtime) -> None:
    """The process of separate actions follows the policy files from its start, without a call."""

    async def serve() -> bool:
        server = ActionServer()
        await server._start(Sanic("edits-reach-actions"))
        before = runtime.policies.current()
        path = policy_file(runtime.settings.home)
        path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
        for _ in range(1200):
            if runtime.policies.current() is not before:
                return True
            await asyncio.sleep(0.1)
        return False

    assert asyncio.run(serve())

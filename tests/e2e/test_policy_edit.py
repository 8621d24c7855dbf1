"""An organisation has a policy that no employee can reveal salary details on a conversational platform:
compliance staff block all requests about salaries in the running server, and end the block again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import PROJECT, Account, Deployment
from tests.patience import until

GUIDE = (PROJECT / "docs" / "policies.md").read_text(encoding="utf-8")
# Change number one of the guide: the rule as it reads once the `# ` is taken away.
RULE = GUIDE.partition("```yaml uncomment restrictions.yml\n")[2].partition("```")[0]
READY_RULE = "".join(f"  # {line[2:]}" for line in RULE.splitlines(keepends=True))
REQUESTS = (
    "what is my salary",
    "show me my payslip for last month",
    "how much tax was withheld from my pay",
    "send me my wage tax statement for last year",
)


@pytest.fixture
def restrictions(deployment: Deployment) -> Iterator[Path]:
    """The file of restrictions of the running server, as it was afterwards."""
    path = deployment.home / "policies" / "restrictions.yml"
    before = path.read_text(encoding="utf-8")
    yield path
    path.write_text(before, encoding="utf-8")


def count(deployment: Deployment, kind: str) -> int:
    return sum(entry["kind"] == kind for entry in deployment.audit_entries())


def test_blocking_everything_about_salaries(
    deployment: Deployment, employee: Account, restrictions: Path
) -> None:
    """The first change of the guide refuses every salary request in a conversation that goes on,
    with the reason, without training or restart; other requests are answered as before, and so is
    everything once the rule is a comment again. The commands of the guide tell the same story."""
    chat = employee.sign_in()
    chat.say("what is my salary")
    assert chat.challenge is not None
    edited = restrictions.read_text(encoding="utf-8")
    assert READY_RULE in edited
    loaded = count(deployment, "policy_loaded")
    restrictions.write_text(edited.replace(READY_RULE, RULE), encoding="utf-8")
    until(lambda: count(deployment, "policy_loaded") > loaded)
    assert "restricted" in chat.give(employee.code()).lower()
    for request in REQUESTS:
        answer = chat.say(request)
        assert "restricted" in answer.lower()
        assert chat.challenge is None
    assert "days" in chat.say("how many vacation days do I have left")
    changed = deployment.command("policy", "diff", "previous", "in-force", "--json")
    assert (0, "narrows") == (changed.returncode, json.loads(changed.stdout)["verdict"])
    again = json.loads(deployment.command("policy", "replay", "--json").stdout)
    would = {(one["intent"], one["was"]["effect"], one["now"]["rule"]) for one in again["changed"]}
    assert ("view_salary", "step_up", "block-salaries") in would
    assert {} == again["not_replayed"]
    restrictions.write_text(edited, encoding="utf-8")
    until(lambda: count(deployment, "policy_loaded") > loaded + 1)
    chat.say("what is my salary")
    assert chat.challenge is not None


def test_mistake_changes_nothing_and_is_recorded(
    deployment: Deployment, employee: Account, restrictions: Path
) -> None:
    """A broken edit leaves the rules as they were and is in the audit log with file and line."""
    rejected = count(deployment, "policy_rejected")
    before = restrictions.read_text(encoding="utf-8")
    restrictions.write_text(f"{before}\n  - id: oops\n    efect: deny\n", encoding="utf-8")
    until(lambda: count(deployment, "policy_rejected") > rejected)
    last = [e for e in deployment.audit_entries() if e["kind"] == "policy_rejected"][-1]
    assert "restrictions.yml:" in last["first"]
    chat = employee.sign_in()
    assert "days" in chat.say("how many vacation days do I have left")

"""Four eyes in the running server: two people at a terminal open what one person alone cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.deployment import PASSWORD, Account, Deployment
from tests.e2e.test_policy_edit import READY_RULE, count, until

RULES = "policies/restrictions.yml"


@pytest.fixture
def strict(tmp_path: Path) -> Deployment:
    """A deployment that demands four eyes from its first start; nothing serves yet."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    deployment = Deployment(
        tmp_path / "home",
        GATEHOUSE_POLICY_FOUR_EYES="true",
        GATEHOUSE_PASSWORD_FILE=str(secret),
        GATEHOUSE_LIMITS_MESSAGES_PER_MINUTE="1000",
    )
    made = deployment.command("init", "--demo")
    assert 0 == made.returncode, made.stderr
    return deployment


def stand_for_it(deployment: Deployment, author: Account, other: Account) -> str:
    """The author proposes what lies in the files, somebody else approves it; the revision."""
    proposed = deployment.command(
        "policy", "propose", "--as", author.username, input=author.code() + "\n"
    )
    assert 0 == proposed.returncode, proposed.stderr
    revision = proposed.stderr.split()[-1]
    approved = deployment.command(
        "policy", "approve", revision, "--as", other.username, input=other.code() + "\n"
    )
    assert 0 == approved.returncode, approved.stderr
    return revision


def test_two_people_open_what_one_cannot(strict: Deployment) -> None:
    """The server starts with rules that two people stand for; a block is in force at once; ending it
    waits, says so in the terminal and in the status, and takes two people again."""
    people = [strict.person("employee", "compliance") for _ in range(4)]
    refused = strict.command("run", "--demo")
    assert 6 == refused.returncode, refused.stderr
    assert "wait for a second person" in refused.stderr
    stand_for_it(strict, *people[:2])
    with strict.start("--demo"):
        chat = strict.person("employee").sign_in()
        path = strict.home / RULES
        open_rules = path.read_text(encoding="utf-8")
        path.write_text(open_rules.replace(READY_RULE, READY_RULE.replace("  # ", "  ")))
        until(lambda: "restricted" in chat.say("what is my salary").lower())
        path.write_text(open_rules, encoding="utf-8")
        until(lambda: count(strict, "policy_pending") > 1)
        assert "the edit waits for a second person" in strict.log.read_text(encoding="utf-8")
        assert "waits for a second person" in strict.command("policy", "check").stderr
        assert "restricted" in chat.say("what is my salary").lower()
        revision = stand_for_it(strict, *people[2:])
        until(lambda: "restricted" not in chat.say("what is my salary").lower())
        assert chat.challenge is not None
        loaded = [e for e in strict.audit_entries() if e["kind"] == "policy_loaded"][-1]
        assert (revision, people[2].username, people[3].username) == (
            loaded["revision"],
            loaded["proposed_by"],
            loaded["approved_by"],
        )

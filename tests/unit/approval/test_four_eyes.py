"""An edit that opens something waits for a second, proven person; one that closes does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.approval import ApprovalRefused
from gatehouse.approval.schema import edits, in_force
from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady
from gatehouse.identity.sign_in import SignInRefused
from gatehouse.policy import Principal, Request
from gatehouse.runtime import Runtime
from gatehouse.stepup import ChallengeRefused
from tests.unit.approval.conftest import CLOSING, OPENING, PASSWORD, House

Kinds = Callable[[Runtime], list[str]]


def effect(runtime: Runtime, intent: str = "view_leave_balance", role: str = "contractor") -> str:
    """What a person of this role gets now."""
    policies = runtime.policies.current()
    request = Request(
        Principal("p", frozenset({role})), intent, None, stage="intent", runners_up=()
    )
    return policies.decide(request).effect


def opening(house: House) -> None:
    """An edit by which contractors see a leave balance; the deny of contractors goes for it."""
    path = house.home / "policies" / "people.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "groups: [leave, benefits]\n    roles: [contractor]",
            "groups: [benefits]\n    roles: [contractor]",
        )
    )
    tests = house.home / "policies" / "tests"
    shutil.rmtree(tests)
    house.write(OPENING)


def sign(runtime: Runtime, house: House, name: str, purpose: str) -> None:
    """What the commands do after the person was proven."""
    revision = runtime.policies.waiting
    person = runtime.approver.prove(name, PASSWORD, lambda: house.code(name), purpose, revision)
    base = runtime.approvals.in_force()
    work = runtime.approvals.propose if purpose == "policy_propose" else runtime.approvals.approve
    work(revision, base, person.id)


def both(runtime: Runtime, house: House) -> None:
    house.person(runtime, "ann")
    house.person(runtime, "ben")
    sign(runtime, house, "ann", "policy_propose")
    sign(runtime, house, "ben", "policy_approve")


def test_an_edit_that_opens_waits(house: House, kinds: Kinds) -> None:
    """It is recorded as waiting, once, and changes no decision."""
    runtime = house.begin()
    opening(house)
    assert not runtime.policies.reload_if_changed()
    assert not runtime.policies.reload_if_changed()
    assert ("deny", 64) == (effect(runtime), len(runtime.policies.waiting))
    assert house.clock.now() == runtime.policies.status().pending_at
    assert 1 == kinds(runtime).count("policy_pending")


def test_an_edit_that_closes_takes_effect_at_once(house: House) -> None:
    """A block does not wait for anybody, also while another edit waits for its second person."""
    runtime = house.begin()
    assert "allow" == effect(runtime, "view_next_pay_date", "employee")
    house.write(CLOSING)
    assert runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime, "view_next_pay_date", "employee")


def test_ending_a_block_opens(house: House) -> None:
    """Taking the block away again is an edit that opens."""
    runtime = house.begin()
    house.write(CLOSING)
    runtime.policies.reload_if_changed()
    house.remove()
    assert not runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime, "view_next_pay_date", "employee")


def test_a_second_person_lets_it_take_effect(house: House, kinds: Kinds) -> None:
    """Proposed by one and approved by another, it is in force at the next look, with both names."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    house.person(runtime, "ann")
    house.person(runtime, "ben")
    sign(runtime, house, "ann", "policy_propose")
    assert not runtime.policies.reload_if_changed()
    sign(runtime, house, "ben", "policy_approve")
    assert runtime.policies.reload_if_changed()
    assert ("allow", "") == (effect(runtime), runtime.policies.waiting)
    assert runtime.policies.status().pending_at is None
    bodies = [json.loads(entry.body) for entry in runtime.audit.entries()]
    last = [body for body in bodies if body["kind"] == "policy_loaded"][-1]
    assert ("ann", "ben") == (last["proposed_by"], last["approved_by"])
    assert runtime.policies.current().revision == last["revision"]


def test_nobody_approves_their_own_edit(house: House) -> None:
    """Neither after proposing it, nor before anybody has."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    house.person(runtime, "ann")
    with pytest.raises(InvalidInput, match="nobody has put their name"):
        sign(runtime, house, "ann", "policy_approve")
    sign(runtime, house, "ann", "policy_propose")
    with pytest.raises(InvalidInput, match="cannot approve it"):
        sign(runtime, house, "ann", "policy_approve")
    assert not runtime.policies.reload_if_changed()


def test_the_author_stays_the_author(house: House) -> None:
    """Somebody else cannot take over the proposal, so that its author could approve it."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both_names = ("ann", "ben")
    for name in both_names:
        house.person(runtime, name)
    sign(runtime, house, "ann", "policy_propose")
    with pytest.raises(InvalidInput, match="somebody else is the proposer"):
        sign(runtime, house, "ben", "policy_propose")


@pytest.mark.parametrize("what", ["password", "code", "role", "unknown", "disabled"])
def test_a_typed_name_is_not_enough(house: House, what: str) -> None:
    """Password, code and role are all needed; each lack is refused."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    person = house.person(runtime, "ann", "manager" if what == "role" else "compliance")
    if what == "disabled":
        runtime.directory.disable(person.id)
    name = "nobody" if what == "unknown" else "ann"
    password = "another-otter-sails-quietly-88" if what == "password" else PASSWORD
    refusal: dict[str, type[GatehouseError]] = {"code": ChallengeRefused, "role": ApprovalRefused}
    with pytest.raises(refusal.get(what, SignInRefused)):
        runtime.approver.prove(
            name,
            password,
            lambda: "000000" if what == "code" else house.code("ann"),
            "policy_propose",
            runtime.policies.waiting,
        )


def test_an_approval_is_for_that_revision_only(house: House) -> None:
    """One more change, however small, needs an approval of its own."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    house.write(OPENING + "# a remark\n")
    assert not runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime)


def test_an_approval_is_used_up(house: House) -> None:
    """Once other rules are in force, the files that were approved before need two people again."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    assert runtime.policies.reload_if_changed()
    approved = runtime.policies.current().revision
    house.write(CLOSING, "closed.yml")
    assert runtime.policies.reload_if_changed()
    house.remove("closed.yml")
    assert not runtime.policies.reload_if_changed()
    assert approved == runtime.policies.waiting


def test_who_lost_the_role_does_not_stand_for_it_any_more(house: House) -> None:
    """An approval counts only while both people have the role and their accounts."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    ann = runtime.directory.by_username("ann")
    assert ann is not None
    runtime.directory.set_roles(ann.id, ["employee"])
    assert not runtime.policies.reload_if_changed()
    runtime.directory.set_roles(ann.id, ["employee", "compliance"])
    assert runtime.policies.reload_if_changed()


def test_a_restart_keeps_waiting(house: House) -> None:
    """The rules in force are in force again, the edit waits, and its proposal is remembered."""
    first = house.begin()
    opening(house)
    first.policies.reload_if_changed()
    house.person(first, "ann")
    house.person(first, "ben")
    sign(first, house, "ann", "policy_propose")
    again = house.serve()
    assert ("deny", first.policies.waiting) == (effect(again), again.policies.waiting)
    sign(again, house, "ben", "policy_approve")
    assert again.policies.reload_if_changed()
    assert "allow" == effect(again)
    assert "allow" == effect(house.serve())


def test_a_process_approved_while_down_starts_with_the_edit(house: House) -> None:
    """An approval that was given while nobody served is found at the start."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    assert "allow" == effect(house.serve())


def test_two_processes_follow_one_approval(house: House) -> None:
    """The second process takes what the first has put in force, without another approval."""
    one, two = house.begin(), house.serve()
    opening(house)
    assert [False, False] == [r.policies.reload_if_changed() for r in (one, two)]
    both(one, house)
    assert [True, True] == [r.policies.reload_if_changed() for r in (one, two)]
    assert ["allow", "allow"] == [effect(one), effect(two)]


def test_the_first_policies_need_two_people_too(house: House) -> None:
    """Switched on from the beginning, the assistant does not start before they stand for its rules."""
    with pytest.raises(NotReady, match="wait for a second person"):
        house.serve()
    tool = house.command()
    house.person(tool, "ann")
    house.person(tool, "ben")
    revision = tool.policies.current().revision
    for name, purpose in (("ann", "policy_propose"), ("ben", "policy_approve")):
        person = tool.approver.prove(
            name, PASSWORD, lambda n=name: house.code(n), purpose, revision
        )
        work = tool.approvals.propose if purpose == "policy_propose" else tool.approvals.approve
        work(revision, None, person.id)
    assert revision == house.serve().policies.current().revision


def test_a_command_puts_nothing_in_force(house: House) -> None:
    """Whoever only looks at the deployment neither keeps an edit nor lets it take effect."""
    runtime = house.begin()
    kept = house.home / "var" / "policy" / "policy-last-good"
    before = kept.read_bytes()
    opening(house)
    house.command()
    assert before == kept.read_bytes()
    assert "deny" == effect(house.serve())
    assert "deny" == effect(runtime)


def alter(engine: Engine, table: sa.Table, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(table.update().values(**values))


def test_an_approval_written_into_the_database_is_none(house: House, kinds: Kinds) -> None:
    """Without the key nobody can write one; the attempt is recorded and the edit goes on waiting."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    ann, ben = house.person(runtime, "ann"), house.person(runtime, "ben")
    alter(
        runtime.engine,
        edits,
        proposer=ann.id,
        proposed_at=1.0,
        approver=ben.id,
        approved_at=2.0,
    )
    assert not runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime)
    assert any('"policy_approval_altered"' in entry.body for entry in runtime.audit.entries())
    with pytest.raises(IntegrityError):
        sign(runtime, house, "ben", "policy_approve")


def test_an_old_approval_that_is_put_back_is_none(house: House) -> None:
    """The row of an approval that was used fits nothing, once other rules are in force."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    with runtime.engine.begin() as connection:
        row = connection.execute(sa.select(edits)).mappings().one()
    assert runtime.policies.reload_if_changed()
    house.write(CLOSING, "closed.yml")
    assert runtime.policies.reload_if_changed()
    house.remove("closed.yml")
    assert not runtime.policies.reload_if_changed()
    with runtime.engine.begin() as connection:
        connection.execute(sa.delete(edits))
        connection.execute(edits.insert().values(**row))
    assert not runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime, "view_next_pay_date", "employee")


@pytest.mark.parametrize("what", ["revision", "gone", "kept", "kept-gone"])
def test_what_was_in_force_cannot_be_forged(house: House, what: str) -> None:
    """With an altered record of the rules in force, or without the files kept of them, a start with
    other files is refused: nobody could tell what they open."""
    runtime = house.begin()
    opening(house)
    kept = house.home / "var" / "policy" / "policy-last-good"
    if what == "revision":
        alter(runtime.engine, in_force, revision="0" * 64)
    if what == "gone":
        with runtime.engine.begin() as connection:
            connection.execute(sa.delete(in_force))
    if what == "kept":
        kept.write_bytes(kept.read_bytes()[:-1] + b" ")
    if what == "kept-gone":
        kept.unlink()
    with pytest.raises(IntegrityError):
        house.serve()


def test_an_older_set_that_is_put_back_is_noticed(house: House) -> None:
    """The files kept of opener rules cannot come back in place of those in force."""
    runtime = house.begin()
    kept = house.home / "var" / "policy" / "policy-last-good"
    older = kept.read_bytes()
    house.write(CLOSING)
    assert runtime.policies.reload_if_changed()
    house.remove()
    kept.write_bytes(older)
    with pytest.raises(IntegrityError, match="cannot be established"):
        house.serve()


def test_a_record_that_disappears_while_serving_opens_nothing(house: House) -> None:
    """The running process goes on with its rules and takes no edit on the word of an empty table."""
    runtime = house.begin()
    opening(house)
    with runtime.engine.begin() as connection:
        connection.execute(sa.delete(in_force))
    with pytest.raises(IntegrityError):
        runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime)


def test_switching_off_is_recorded(house: House) -> None:
    """Without four eyes the edit takes effect; that they were switched off is in the log."""
    house.begin()
    opening(house)
    house.switch(False)
    runtime = house.serve()
    assert "allow" == effect(runtime)
    assert any('"policy.four_eyes_off"' in entry.body for entry in runtime.audit.entries())
    house.switch(True)
    assert "allow" == effect(house.serve())


def test_without_the_audit_log_an_approved_edit_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be recorded does not take effect, and is taken once it can."""
    runtime = house.begin()
    opening(house)
    runtime.policies.reload_if_changed()
    both(runtime, house)

    def away(*_: object, **__: object) -> int:
        raise NotReady("the audit log is away")

    with monkeypatch.context() as patched:
        patched.setattr(type(runtime.audit), "append", away)
        with pytest.raises(NotReady):
            runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime)
    assert runtime.policies.reload_if_changed()
    assert "allow" == effect(runtime)


def test_taking_policy_tests_away_waits(house: House, kinds: Kinds) -> None:
    """One person cannot remove what would stop a later edit; an edit of theirs that closes still can
    take effect, if it keeps the tests."""
    runtime = house.begin()
    revision = runtime.policies.current().revision
    tests = house.home / "policies" / "tests" / "roles.yml"
    text = tests.read_text(encoding="utf-8")
    tests.write_text(text.replace("at_most: step_up", "at_most: allow"), encoding="utf-8")
    assert not runtime.policies.reload_if_changed()
    (edit,) = runtime.approvals.waiting(runtime.approvals.in_force())
    assert ("loosens", revision) == (edit.verdict, runtime.policies.current().revision)
    house.write(CLOSING)
    assert not runtime.policies.reload_if_changed()
    tests.write_text(text, encoding="utf-8")
    assert runtime.policies.reload_if_changed()
    assert "deny" == effect(runtime, "view_next_pay_date", "employee")
    shutil.rmtree(tests.parent)
    runtime.policies.reload_if_changed()
    both(runtime, house)
    assert runtime.policies.reload_if_changed()
    assert 0 == runtime.policies.current().tested
    last = [json.loads(e.body) for e in runtime.audit.entries() if '"policy_loaded"' in e.body][-1]
    assert last["unguarded"] > 100


def test_without_four_eyes_it_is_recorded(house: House) -> None:
    """Then it takes effect, and the audit log and the terminal say that the tests forbid less."""
    house.switch(False)
    runtime = house.serve()
    shutil.rmtree(house.home / "policies" / "tests")
    assert runtime.policies.reload_if_changed()
    last = [json.loads(e.body) for e in runtime.audit.entries() if '"policy_loaded"' in e.body][-1]
    assert last["unguarded"] > 100

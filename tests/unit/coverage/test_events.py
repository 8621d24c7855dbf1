"""Every security-relevant event leaves its entry in the audit log: each is made to happen here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from rasa_sdk.executor import CollectingDispatcher

from gatehouse import runtime as composition
from gatehouse.clock import SettableClock
from gatehouse.dialogue.checkpoint import Checkpoint, Refused
from gatehouse.health import ROOM, Readiness, probes
from tests.front_end import Caller
from tests.unit.channel.harness import PASSWORD, say, sign_in
from tests.unit.channel.test_front_ends import registered
from tests.unit.coverage.world import World, clock_start
from tests.unit.dialogue.conftest import CONVERSATION
from tests.unit.dialogue.test_guarded import Broken

Driver = Callable[[World], object]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("world")
    limits = {"GATEHOUSE_LIMITS_MESSAGES_PER_MINUTE": "3", "GATEHOUSE_HOME": str(home)}
    with pytest.MonkeyPatch.context() as patch:
        with World(home, SettableClock(clock_start()), **limits) as site:
            patch.setattr(composition, "_current", site.runtime)
            yield site
        site.runtime.close()


def failing_action(world: World) -> None:
    tracker = world.desk().tracker("view_leave_balance")
    asyncio.run(Broken().run(CollectingDispatcher(), tracker, {}))


def forged_assertion(world: World) -> None:
    with pytest.raises(Refused):
        Checkpoint(world.runtime).verify("x.y.z", CONVERSATION, "words")


def decision(world: World) -> None:
    desk = world.desk()
    checkpoint = Checkpoint(world.runtime)
    person = checkpoint.verify(desk.assertion(), CONVERSATION, "words")
    checkpoint.admit_intent(person, "view_leave_balance", record=True)


def role_change(world: World) -> None:
    from gatehouse.cli.people import people

    world.command(people, "role", "erin.walsh", "employee")


def export(world: World) -> None:
    client = world.signed_in()
    session = world.runtime.sessions.of_person(world.person.id)[-1]
    ticket = world.runtime.exports.create(world.person.id, session.id)
    assert 200 == client.get(f"/api/v1/exports/{ticket}").status_code


def password_change(world: World) -> None:
    world.directory.set_password(world.person.id, PASSWORD, must_change=True)
    chosen = "seventeen plums and a harbour"
    assert 200 == sign_in(world.client(), new_password=chosen).status_code
    world.directory.set_password(world.person.id, PASSWORD)


def edited_policies(world: World) -> None:
    path = world.home / "policies" / "leave.yml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    assert world.runtime.policies.reload_if_changed()


def broken_policies(world: World) -> None:
    path = world.home / "policies" / "leave.yml"
    before = path.read_text(encoding="utf-8")
    path.write_text("nonsense: 1\n", encoding="utf-8")
    world.runtime.policies.reload_if_changed()
    path.write_text(before, encoding="utf-8")
    world.runtime.policies.reload_if_changed()


def expired_conversation(world: World) -> None:
    hello(world)
    world.clock.advance(world.settings.retention.ttl + 300)
    world.runtime.purge()


def hello(world: World) -> None:
    world.agent.script = lambda message: [{"text": "Hello."}]
    world.clock.advance(61)
    assert 200 == say(world.signed_in(), f"hello {world.clock.now()}").status_code


def foreign_origin(world: World) -> None:
    stranger = world.client(Origin="https://evil.example")
    assert 403 == sign_in(stranger).status_code


def disabled_meanwhile(world: World) -> None:
    client = world.signed_in()
    world.directory.disable(world.person.id)
    assert 401 == client.get("/api/v1/session").status_code
    world.directory.enable(world.person.id)


def sign_out(world: World) -> None:
    assert 204 == world.signed_in().delete("/api/v1/session").status_code


def end_of_a_conversation(world: World) -> None:
    world.clock.advance(61)
    client = world.signed_in()
    say(client, "hello")
    assert 200 == client.delete("/api/v1/conversation").status_code


def erasure(world: World) -> None:
    hello(world)
    world.runtime.rights.erase(world.person.id)


def wrong_code(world: World) -> None:
    client, address = world.waiting()
    wrong = "000000" if world.code() != "000000" else "000001"
    client.post(address, json={"code": wrong})
    client.delete(address)


def right_code(world: World) -> None:
    client, address = world.waiting()
    assert 200 == client.post(address, json={"code": world.code()}).status_code


def code_for_nothing(world: World) -> None:
    world.signed_in().post("/api/v1/challenges/nothing", json={"code": "123456"})


def used_grant(world: World) -> None:
    world.clock.advance(61)
    desk, checkpoint = world.desk(), Checkpoint(world.runtime)
    person = checkpoint.verify(desk.assertion(), CONVERSATION, "words")
    checkpoint.request_step_up(person, "view_payslip", {}, "show a payslip")
    grant = desk.answer_challenge()
    granted = checkpoint.verify(desk.assertion(grant=grant), CONVERSATION, "words")
    checkpoint.admit_resource(granted, "view_payslip", "self", {}, {})


def altered_record(world: World) -> None:
    world.clock.advance(61)
    client = world.signed_in()
    say(client, "hello, this will be altered")
    with world.runtime.engine.begin() as connection:
        connection.execute(sa.text("UPDATE gh_records SET envelope = zeroblob(80)"))
    assert 503 == client.get("/api/v1/history").status_code
    with world.runtime.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM gh_records"))
        connection.execute(sa.text("DELETE FROM gh_conversations"))


def flood(world: World) -> None:
    world.clock.advance(61)
    client = world.signed_in()
    assert 429 == [say(client, f"hello {number}").status_code for number in range(4)][-1]


def failing_turn(world: World) -> None:
    def fail(_message: object) -> list[dict[str, str]]:
        raise OSError("the database went away")

    world.clock.advance(61)
    world.agent.script = fail
    assert 503 == say(world.signed_in(), "hello").status_code


def token_for_a_front_end(world: World) -> None:
    caller = front_end(world)
    answer = caller.sign_in(world.code())
    assert 200 == answer.status_code, answer.text


def front_end_without_a_code(world: World) -> None:
    caller = front_end(world)
    wrong = "000000" if world.code() != "000000" else "000001"
    assert 403 == caller.sign_in(wrong).status_code


def front_end(world: World) -> Caller:
    world.clock.advance(400)
    return registered(world, ("chat",))


def stop(world: World) -> None:
    from gatehouse.channel.web import _record_stop

    _record_stop(world.services)


DRIVERS: dict[str, Driver] = {
    "action": failing_action,
    "administration": role_change,
    "assertion_refused": forged_assertion,
    "conversation_ended": end_of_a_conversation,
    "decision": decision,
    "erasure": erasure,
    "erasure_receipt": erasure,
    "export": export,
    "password_changed": password_change,
    "policy_loaded": edited_policies,
    "policy_rejected": broken_policies,
    "purge": expired_conversation,
    "request_refused": foreign_origin,
    "session_ended": disabled_meanwhile,
    "sign_in": World.signed_in,
    "sign_in_refused": lambda world: sign_in(world.client(), "not the password at all"),
    "sign_out": sign_out,
    "start": lambda world: world.runtime.record_start(),
    "step_up_cancelled": wrong_code,
    "step_up_failed": wrong_code,
    "step_up_passed": right_code,
    "step_up_redeemed": used_grant,
    "step_up_refused": code_for_nothing,
    "step_up_requested": right_code,
    "stop": stop,
    "tamper": altered_record,
    "throttled": flood,
    "token_issued": token_for_a_front_end,
    "token_refused": front_end_without_a_code,
    "turn_refused": failing_turn,
}


@pytest.mark.parametrize("kind", sorted(DRIVERS))
def test_the_event_leaves_its_entry(world: World, kind: str) -> None:
    """What happens is found in the log, with its kind, a time, and no name of anybody."""
    made = world.kinds_of(DRIVERS[kind])
    mine = [entry for entry in made if entry["kind"] == kind]
    assert mine, [entry["kind"] for entry in made]
    assert all(entry["at"] for entry in mine)
    for entry in made:
        assert not {
            name
            for name in ("erin.walsh", "Erin Walsh", world.person.id, "E-1001")
            if f'"{name}"' in json.dumps(entry)
        }


@pytest.mark.parametrize("table", ["gh_audit", "gh_sessions"])
def test_a_database_without_its_tables_is_not_ready(world: World, table: str) -> None:
    """The probes ask the real tables: a server that answers is not enough."""
    engine = world.log.engine if table == "gh_audit" else world.runtime.engine
    ready = Readiness(probes(world.runtime))
    ready.look()
    assert ready.ready
    with engine.begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO away"))
    try:
        ready.look()
        assert not ready.ready
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE away RENAME TO {table}"))


def test_a_full_disk_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the last byte is gone and turns are refused, and only until there is room again."""
    ready, real, full = Readiness(probes(world.runtime)), os.statvfs, [True]

    def found(path: Path) -> Any:
        room = real(path)
        blocks = ROOM // room.f_frsize - 1 if full[0] else ROOM // room.f_frsize
        return SimpleNamespace(f_bavail=blocks, f_frsize=room.f_frsize)

    monkeypatch.setattr(os, "statvfs", found)
    ready.look()
    assert not ready.ready
    shown = {labels.get("part"): value for _, _, value, labels in ready.readings()}
    assert (0.0, 1.0) == (shown["disk"], shown["database"])
    full[0] = False
    ready.look()
    assert ready.ready


def test_another_browser_is_recorded_once(world: World) -> None:
    """A token that another browser shows ends its session and leaves one entry, not one a try."""
    client = world.signed_in()
    client.headers["User-Agent"] = "somebody else's"
    made = world.kinds_of(lambda _: [client.get("/api/v1/session") for _ in range(5)])
    assert ["session_ended"] == [entry["kind"] for entry in made]


def test_an_altered_session_is_recorded_as_tampering(world: World) -> None:
    """A row of a session that was changed in the database is closed, and said to be altered."""
    client = world.signed_in()
    with world.runtime.engine.begin() as connection:
        connection.execute(sa.text("UPDATE gh_sessions SET aal = 3 WHERE ended_at IS NULL"))
    made = world.kinds_of(lambda _: [client.get("/api/v1/session") for _ in range(3)])
    assert [("tamper", "session_altered")] == [(entry["kind"], entry["reason"]) for entry in made]

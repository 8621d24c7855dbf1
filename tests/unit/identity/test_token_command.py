"""`gatehouse token` over a directory, real keys in files, and an audit log that is a list."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine

from gatehouse.cli.token import token
from gatehouse.clock import SettableClock
from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.identity import Directory, Person, SessionEnded, Sessions
from gatehouse.identity.front_ends import FrontEnds, Terms
from gatehouse.settings import FrontEnds as FrontEndSettings
from tests.front_end import SigningFrontEnd, certificate_request
from tests.unit.identity.conftest import KEY
from tests.unit.identity.test_people_command import Audit


@pytest.fixture
def deployment(
    directory: Directory,
    sessions: Sessions,
    engine: Engine,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    made = SimpleNamespace(
        directory=directory,
        sessions=sessions,
        front_ends=FrontEnds(engine, clock, KEY),
        audit=Audit(),
        notices=SimpleNamespace(told=[]),
        settings=SimpleNamespace(front_ends=FrontEndSettings(key=90 * 86400, overlap=86400)),
    )
    made.notices.tell = lambda person_id, text: made.notices.told.append((person_id, text))
    monkeypatch.setattr("gatehouse.cli.token._runtime", lambda: made)
    return made


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(token, list(arguments))
    if isinstance(result.exception, GatehouseError):
        raise result.exception
    return result


def key_file(tmp_path: Path, clock: SettableClock, domain: str = "kiosk.example.org") -> str:
    signer = SigningFrontEnd(clock.now)
    path = tmp_path / f"{signer.key_id}.csr"
    path.write_bytes(certificate_request(signer.private, domain))
    return str(path)


def register(tmp_path: Path, clock: SettableClock, *more: str) -> str:
    named = ("--name", "Kiosk", "--domain", "kiosk.example.org")
    key = ("--key", key_file(tmp_path, clock))
    result = call("register", "erin.walsh", *named, *key, *more)
    assert 0 == result.exit_code, result.output
    return result.stdout.strip()


def operations(deployment: Any) -> list[str]:
    return [entry["operation"] for entry in deployment.audit.entries]


def test_an_operator_registers_and_lists(
    deployment: Any, erin: Person, tmp_path: Path, clock: SettableClock
) -> None:
    """Least scopes unless named, the time that was named, and an entry before it is made."""
    first = register(tmp_path, clock)
    second = register(tmp_path, clock, "--scope", "chat", "--scope", "history", "--for", "7d")
    rows = {row["id"]: row for row in json.loads(call("list", "--json").stdout)}
    assert (["chat"], ["chat", "history"]) == (rows[first]["scopes"], rows[second]["scopes"])
    found = deployment.front_ends.get(second)
    assert 7 * 86400 == found.expires_at - found.created_at
    assert "never used" in call("list", "erin.walsh").stdout
    assert "" == call("list", "somebody.else").stdout
    assert ["front_end.register"] * 2 == operations(deployment)
    assert {erin.id} == {person_id for person_id, _ in deployment.notices.told}


@pytest.mark.parametrize(
    "more",
    [
        ("--scope", "admin"),
        ("--for", "91d"),
        ("--for", "soon"),
        ("--domain", "Not A Name"),
        ("--domain", "desk.example.org"),
        ("--key", "/dev/null"),
        ("--key", "no-such-file"),
    ],
)
def test_what_cannot_be_registered_is_refused(
    deployment: Any, erin: Person, tmp_path: Path, clock: SettableClock, more: tuple[str, str]
) -> None:
    """Unknown scopes, a life beyond the setting, no domain, no key: nothing is made."""
    with pytest.raises(InvalidInput):
        register(tmp_path, clock, *more)
    assert () == deployment.front_ends.of_person()


def with_token(deployment: Any, erin: Person, front_end: str, clock: SettableClock) -> str:
    key_id = deployment.front_ends.keys_of(front_end)[0][0]
    terms = Terms(front_end, key_id, frozenset({"chat"}), clock.now() + 600, clock.now() + 3600)
    opened: str = deployment.sessions.open_token(erin, terms, "Kiosk")[0]
    return opened


def test_keys_rotate_with_an_overlap(
    deployment: Any, erin: Person, tmp_path: Path, clock: SettableClock
) -> None:
    """A day by default; with --at-once former keys and open tokens end now."""
    made = register(tmp_path, clock)
    token_of_old = with_token(deployment, erin, made, clock)
    call("rotate", made, "--key", key_file(tmp_path, clock))
    ends = [ends_at - clock.now() for _, ends_at in deployment.front_ends.keys_of(made)]
    assert [86400, 90 * 86400] == ends
    deployment.sessions.resolve_token(token_of_old)
    call("rotate", made, "--key", key_file(tmp_path, clock), "--at-once")
    assert 1 == len(deployment.front_ends.keys_of(made))
    with pytest.raises(SessionEnded):
        deployment.sessions.resolve_token(token_of_old)


def test_revoking(deployment: Any, erin: Person, tmp_path: Path, clock: SettableClock) -> None:
    """Tokens alone, one front end, or all of a person; each is recorded."""
    made = [register(tmp_path, clock) for _ in range(3)]
    held = with_token(deployment, erin, made[0], clock)
    call("revoke", made[0], "--tokens")
    with pytest.raises(SessionEnded):
        deployment.sessions.resolve_token(held)
    assert 3 == len(deployment.front_ends.of_person(erin.id))
    call("revoke", made[0])
    assert 2 == len(deployment.front_ends.of_person(erin.id))
    call("revoke", "--person", "erin.walsh")
    assert () == deployment.front_ends.of_person(erin.id)
    assert ["front_end.tokens", *["front_end.revoke"] * 3] == operations(deployment)[3:]
    with pytest.raises(InvalidInput, match="no front end"):
        call("revoke", made[0])
    assert 2 == call("revoke").exit_code
    assert isinstance(call("revoke").exception, SystemExit | click.UsageError)

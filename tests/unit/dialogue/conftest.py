"""A deployment without a server: real services, a clock that the test moves, the shipped rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from rasa.shared.core.domain import Domain
from rasa_sdk import Tracker

from gatehouse import runtime as composition
from gatehouse.clock import SettableClock
from gatehouse.dialogue import admissions
from gatehouse.identity import METADATA_KEY, Person
from gatehouse.keys import KeyRing
from gatehouse.runtime import Runtime, open_runtime

PROJECT = Path(__file__).resolve().parents[3]
# 2026-06-10 11:00 in Berlin, a Wednesday: within every office hour of the shipped rules.
START = 1781082000.0
CONVERSATION = "c0ffee00c0ffee00c0ffee00c0ffee00"


@pytest.fixture(scope="session")
def domain() -> Domain:
    return Domain.load(str(PROJECT / "domain.yml"))


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
def runtime(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    for name in ("GATEHOUSE_HOME", "GATEHOUSE_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    KeyRing.initialise(tmp_path / "var" / "keys", clock).close()
    opened = open_runtime(tmp_path, clock)
    monkeypatch.setattr(composition, "_current", opened)
    yield opened
    opened.close()


class Desk:
    """A signed-in person at the desk, with an authenticator."""

    def __init__(self, runtime: Runtime, clock: SettableClock, roles: frozenset[str]) -> None:
        self.runtime = runtime
        self.clock = clock
        self.person: Person = runtime.directory.add(
            username="somebody",
            display_name="Some Body",
            roles=roles,
            department="Warehouse operations",
            employment_type="contractor" if roles == {"contractor"} else "employee",
            employee_id="E-1001",
            password="granite-otter-sails-quietly-77",
            must_change_password=False,
            demo=False,
        )
        self.secret = pyotp.random_base32()
        self.messages = 0

    def enrol(self) -> None:
        """Give the person an authenticator."""
        self.runtime.totp.set_demo_secret(self.person.id, self.secret)

    def assertion(
        self, conversation: str = CONVERSATION, grant: str | None = None, text: str = "words"
    ) -> str:
        """A genuine assertion for the next message."""
        self.messages += 1
        return self.runtime.issuer.issue(
            person_id=self.person.id,
            roles=self.person.roles,
            department=self.person.department,
            employment_type=self.person.employment_type,
            employee_id=self.person.employee_id,
            display_name=self.person.display_name,
            session_id="5e55107" * 4,
            session_started_at=self.clock.now(),
            conversation_id=conversation,
            message_id=f"message-{self.messages}",
            text=text,
            channel="web",
            network_zone="loopback",
            grant_id=grant,
        )

    def tracker(
        self,
        intent: str,
        *,
        assertion: object = "genuine",
        grant: str | None = None,
        slots: dict[str, Any] | None = None,
        entities: list[dict[str, Any]] | None = None,
        conversation: str = CONVERSATION,
    ) -> Tracker:
        """What an action is called with after a message of this person."""
        token = self.assertion(grant=grant) if assertion == "genuine" else assertion
        if assertion == "genuine":
            admissions.note(token, intent, entities or [])
        return Tracker(
            conversation,
            slots or {},
            {
                "text": "words",
                "intent": {"name": intent, "confidence": 0.97},
                "entities": entities or [],
                "metadata": {METADATA_KEY: token},
            },
            [],
            False,
            None,
            {},
            "action_listen",
        )

    def answer_challenge(self) -> str:
        """Give the right code for the pending challenge; the id of the grant."""
        pending = self.runtime.step_up.pending(CONVERSATION)
        assert pending is not None
        code = pyotp.TOTP(self.secret).at(int(self.clock.now()))
        grant = self.runtime.step_up.answer(
            pending.id, pending.session_id, pending.conversation_id, code
        )
        self.clock.advance(31)
        return grant.id


@pytest.fixture
def desk(runtime: Runtime, clock: SettableClock) -> Desk:
    desk = Desk(runtime, clock, frozenset({"employee"}))
    desk.enrol()
    return desk


@pytest.fixture
def desk_of(runtime: Runtime, clock: SettableClock) -> Callable[..., Desk]:
    return lambda *roles: Desk(runtime, clock, frozenset(roles))

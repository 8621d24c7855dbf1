"""What the tests of step-up share: one person with an authenticator, in one conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.settings import StepUp as StepUpSettings
from gatehouse.stepup import Challenge, Grant, Resume, StepUp, Totp
from gatehouse.stepup.passkeys import Site
from gatehouse.stepup.schema import metadata

KEY = bytes(range(32))
PERSON, SESSION, CONVERSATION = "p-0123456789ab", "5" * 32, "c" * 32
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
VALUES = {"period": "October 2026"}
RESUME = Resume("intent", "view_payslip", (("period", "October 2026"),), "my October payslip")
SETTINGS = StepUpSettings(challenge=300, attempts=5, totp_back=1)
SITE = Site("https://desk.example.org", "desk.example.org")


def open_fast(url: str) -> Engine:
    """An engine that does not wait for the disk: no test here is about a power cut."""
    opened = open_engine(url)

    @sa.event.listens_for(opened, "connect")
    def _relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return opened


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_fast(f"sqlite:///{tmp_path / 'stepup.db'}")
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each of the supported databases in turn, with empty tables."""
    if request.param == "sqlite":
        opened = open_fast(f"sqlite:///{tmp_path / 'either.db'}")
    else:
        opened = open_engine(request.getfixturevalue("postgres_url"))
        metadata.drop_all(opened)
    metadata.create_all(opened)
    yield opened
    metadata.drop_all(opened)
    opened.dispose()


class Audit:
    """Keeps entries as (kind, facts); fails from a kind on when told to."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self.broken: str | None = None
        self.watch: Callable[[str], None] = lambda kind: None

    def append(self, kind: str, **facts: Any) -> int:
        if kind == self.broken:
            raise OSError("disk full")
        self.watch(kind)
        self.entries.append((kind, facts))
        return len(self.entries)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.entries]


@dataclass
class Desk:
    """Step-up over one database, with short words for what the tests do all the time."""

    engine: Engine
    clock: SettableClock
    audit: Audit
    totp: Totp
    step_up: StepUp

    def ask(
        self,
        *,
        session: str = SESSION,
        conversation: str = CONVERSATION,
        person: str = PERSON,
        intent: str = "view_payslip",
        values: Mapping[str, str] = VALUES,
    ) -> Challenge:
        return self.step_up.request(
            person_id=person,
            session_id=session,
            conversation_id=conversation,
            intent=intent,
            values=values,
            prompt="show your payslip for October 2026",
            resume=RESUME,
        )

    def answer(self, challenge: Challenge, code: object) -> Grant:
        return self.step_up.answer(
            challenge.id, challenge.session_id, challenge.conversation_id, code
        )

    def code(self, steps: int = 0) -> str:
        """The code of the step that is `steps` from now."""
        return pyotp.TOTP(SEED).at(int(self.clock.now()) + 30 * steps)

    def wrong(self, different: int = 1) -> str:
        """A code that is not good at any step nearby."""
        near = {self.code(steps) for steps in (-2, -1, 0, 1, 2)}
        return next(code for n in range(1000) if (code := f"{n * 7 + different:06}") not in near)

    def redeem(self, grant: Grant, **changes: Any) -> Grant:
        use: dict[str, Any] = {
            "person_id": PERSON,
            "session_id": SESSION,
            "conversation_id": CONVERSATION,
            "intent": "view_payslip",
            "values": VALUES,
            "message_id": "m-1",
        }
        return self.step_up.redeem(grant.id, **{**use, **changes})


def open_desk(engine: Engine, clock: SettableClock, settings: StepUpSettings = SETTINGS) -> Desk:
    """A desk over `engine` whose person has an authenticator."""
    audit = Audit()
    totp = Totp(engine, clock, KEY, back=settings.totp_back)
    totp.set_demo_secret(PERSON, SEED)
    step_up = StepUp(engine, clock, settings, KEY, totp, audit.append)
    return Desk(engine, clock, audit, totp, step_up)


@pytest.fixture
def desk(engine: Engine, clock: SettableClock) -> Desk:
    return open_desk(engine, clock)

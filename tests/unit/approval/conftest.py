"""A deployment with four eyes: real services, two compliance people, a clock that the test moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyotp
import pytest

from gatehouse.clock import SettableClock
from gatehouse.identity import CHEAPEST, Directory, Person
from gatehouse.keys import KeyRing
from gatehouse.runtime import Runtime, open_runtime
from gatehouse.runtime import assembly as composition

PROJECT = Path(__file__).resolve().parents[3]
PASSWORD = "granite-otter-sails-quietly-77"
OPENING = """\
version: 1
owner: tests
rules:
  - id: bands-for-managers
    why: Managers plan with the bands.
    effect: allow
    intents: [view_leave_balance]
    roles: [contractor]
"""
CLOSING = """\
version: 1
owner: tests
rules:
  - id: no-pay-dates
    why: Not in chat.
    effect: deny
    intents: [view_next_pay_date]
"""


class House:
    """The deployment, and the people who write its rules."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = SettableClock(1781082000.0)
        shutil.copy(PROJECT / "domain.yml", home / "domain.yml")
        shutil.copytree(PROJECT / "policies", home / "policies")
        (home / "gatehouse.toml").write_text("[policy]\nfour_eyes = true\n", encoding="utf-8")
        KeyRing.initialise(home / "var" / "keys", self.clock).close()
        self.secrets: dict[str, str] = {}
        self._open: list[Runtime] = []

    def switch(self, on: bool) -> None:
        text = f"[policy]\nfour_eyes = {str(on).lower()}\n"
        (self.home / "gatehouse.toml").write_text(text, encoding="utf-8")

    def command(self) -> Runtime:
        """What a command opens."""
        self._open.append(open_runtime(self.home, self.clock))
        return self._open[-1]

    def serve(self) -> Runtime:
        """What a serving process opens, with the terminal's warnings."""
        self._open.append(open_runtime(self.home, self.clock, serving=True))
        return self._open[-1]

    def begin(self) -> Runtime:
        """The first start: the policies that are there are put in force by switching on later."""
        self.switch(False)
        self.serve()
        self.switch(True)
        return self.serve()

    def person(self, runtime: Runtime, name: str, role: str = "compliance") -> Person:
        person = runtime.directory.add(
            username=name,
            display_name=name.title(),
            roles={"employee", role},
            department="",
            employment_type="employee",
            employee_id="E-1001",
            password=PASSWORD,
            must_change_password=False,
            demo=False,
        )
        self.secrets[name] = pyotp.random_base32()
        runtime.totp.set_demo_secret(person.id, self.secrets[name])
        return person

    def code(self, name: str) -> str:
        """The code of a person now; then the clock goes on, so that the next one is new."""
        self.clock.advance(31)
        return pyotp.TOTP(self.secrets[name]).at(int(self.clock.now()))

    def write(self, text: str, name: str = "added.yml") -> None:
        (self.home / "policies" / name).write_text(text, encoding="utf-8")

    def remove(self, name: str = "added.yml") -> None:
        (self.home / "policies" / name).unlink()

    def close(self) -> None:
        for runtime in self._open:
            runtime.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name in ("GATEHOUSE_HOME", "GATEHOUSE_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(composition, "Directory", partial(Directory, profile=CHEAPEST))
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def kinds() -> Callable[[Runtime], list[str]]:
    """The kinds of the audit entries about policies."""
    import json

    def find(runtime: Runtime) -> list[str]:
        bodies = [json.loads(entry.body) for entry in runtime.audit.entries()]
        return [body["kind"] for body in bodies if body["kind"].startswith("policy_")]

    return find

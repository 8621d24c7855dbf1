"""A deployment as it is served, with its real audit log: channel, checkpoint and commands over it.

Only the assistant's words are scripted, as in the channel's own tests.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from rasa.shared.core.domain import Domain

from gatehouse.keys import KeyRing
from gatehouse.runtime import open_runtime
from gatehouse.tracker import EncryptedTrackerStore
from tests.unit.channel.harness import PASSWORD, SEED, ScriptedAgent, Site, say
from tests.unit.dialogue.conftest import START, Desk

PROJECT = Path(__file__).resolve().parents[3]


class World(Site):
    """A served site over the services of a real runtime."""

    def _build(self, home: Path) -> None:
        shutil.copy(PROJECT / "domain.yml", home / "domain.yml")
        shutil.copytree(PROJECT / "policies", home / "policies")
        KeyRing.initialise(home / "var" / "keys", self.clock).close()
        opened = open_runtime(home, self.clock, serving=True)
        self.home = home
        self.runtime: Any = replace(opened, settings=self.settings)
        self.services = self.runtime
        self.log = self.runtime.audit
        self._engine = self.runtime.engine
        self.totp, self.directory = self.runtime.totp, self.runtime.directory
        self.agent = ScriptedAgent(
            EncryptedTrackerStore.build(
                Domain.empty(),
                self.runtime.engine,
                self.runtime.ring,
                self.clock,
                self.settings.retention.ttl,
                audit=self.log,
            )
        )
        self.person = self.directory.add(
            "erin.walsh",
            "Erin Walsh",
            ["employee"],
            PASSWORD,
            department="Operations",
            employee_id="E-1001",
            must_change_password=False,
        )
        self.totp.set_demo_secret(self.person.id, SEED)

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """The bodies of the entries after a position."""
        return [json.loads(entry.body) for entry in self.log.entries(after)]

    def kinds_of(self, drive: Callable[[World], object]) -> list[dict[str, Any]]:
        """What `drive` leaves in the log."""
        before = self.log.size()
        drive(self)
        return self.entries(before)

    def desk(self) -> Desk:
        """Somebody at the desk who needs no browser."""
        desk = Desk.__new__(Desk)
        desk.runtime, desk.clock, desk.messages = self.runtime, self.clock, 0
        desk.person, desk.secret = self.person, SEED
        return desk

    def waiting(self) -> tuple[httpx.Client, str]:
        """Somebody whose request waits for a code, and the address that takes the code."""
        self.clock.advance(61)
        self.agent.script = self.asks_for_code
        client = self.signed_in()
        challenge = say(client, f"my payslip {self.clock.now()}").json()["challenge"]
        return client, f"/api/v1/challenges/{challenge['id']}"

    def command(self, group: Any, *arguments: str) -> None:
        """Run a command of the command line in this deployment."""
        result = CliRunner().invoke(group, arguments, env={"GATEHOUSE_HOME": str(self.home)})
        assert 0 == result.exit_code, result.output


def clock_start() -> float:
    return START

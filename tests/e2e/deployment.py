"""A deployment of its own for a test: home directory, real server process, people, HTTP clients."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pyotp
import pytest

from gatehouse.identity import Person
from gatehouse.runtime import Runtime, open_runtime
from tests.door import at_the_door
from tests.patience import PATIENCE

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "granite-otter-sails-quietly-77"
START_LIMIT = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Deployment:
    """The project in a home directory of its own, served by a process of its own on loopback."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.origin = f"https://localhost:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if "GATEHOUSE" not in name},
            "GATEHOUSE_HOME": str(home),
            "GATEHOUSE_SERVER_PORT": str(self.port),
            "GATEHOUSE_LIMITS_SIGN_INS_PER_MINUTE": "1000",
            **settings,
        }
        self.log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._runtime: Runtime | None = None
        self._clients: list[httpx.Client] = []
        home.mkdir(parents=True, exist_ok=True)
        for name in ("domain.yml", "endpoints.yml", "credentials.yml", "config.yml"):
            shutil.copy(PROJECT / name, home / name)
        shutil.copytree(PROJECT / "policies", home / "policies")
        (home / "models").symlink_to(PROJECT / "models")

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `gatehouse …` in this deployment and wait for it."""
        return subprocess.run(
            [sys.executable, "-m", "gatehouse.cli", *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **{"timeout": 120, **options},
        )

    def start(self, *arguments: str, program: tuple[str, ...] = ("gatehouse.cli", "run")) -> Self:
        """Start the server and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", *program, *arguments],
                env={**self.environment, "PYTHONPATH": str(PROJECT)},
                cwd=self.home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + START_LIMIT
        while "Gatehouse is ready" not in self.log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                pytest.fail(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)
        return self

    def stop(self, how: int = signal.SIGINT) -> int:
        """End the server and return its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        status = self._process.returncode
        self._process = None
        return status

    def restart(self) -> Self:
        """Stop the server and start it again on the same data."""
        self.stop()
        self.log.rename(self.home / f"server-{secrets.token_hex(4)}.log")
        return self.start()

    @property
    def runtime(self) -> Runtime:
        """The deployment's services, opened in this process beside the server."""
        if self._runtime is None:
            with pytest.MonkeyPatch.context() as patch:
                for name in [name for name in os.environ if name.startswith("GATEHOUSE_")]:
                    patch.delenv(name)
                for name, value in self.environment.items():
                    if name.startswith("GATEHOUSE_"):
                        patch.setenv(name, value)
                self._runtime = open_runtime(self.home)
        return self._runtime

    def person(self, *roles: str, employee_id: str = "E-1001", factor: bool = True) -> Account:
        """A new person with `roles`, a second factor unless not, and a record in the system of record."""
        username = f"tester-{secrets.token_hex(4)}"
        contractor = roles == ("contractor",)
        person = self.runtime.directory.add(
            username=username,
            display_name="A Tester",
            roles=frozenset(roles),
            department="Warehouse operations",
            employment_type="contractor" if contractor else "employee",
            employee_id=employee_id,
            password=PASSWORD,
            must_change_password=False,
            demo=True,
        )
        secret = pyotp.random_base32()
        if factor:
            self.runtime.totp.set_demo_secret(person.id, secret)
        return Account(self, person, username, secret)

    def client(self) -> httpx.Client:
        """An HTTP client that trusts this deployment's authority only."""
        context = ssl.create_default_context(
            cafile=str(self.home / "var" / "tls" / "authority.pem")
        )
        client = httpx.Client(
            base_url=self.origin,
            verify=context,
            headers={"Origin": self.origin, "Sec-Fetch-Site": "same-origin"},
            timeout=PATIENCE,
        )
        self._clients.append(client)
        return client

    def audit_entries(self) -> list[dict[str, Any]]:
        """The bodies of all audit entries."""
        return [json.loads(entry.body) for entry in self.runtime.audit.entries()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for client in self._clients:
            client.close()
        self.stop()
        if self._runtime is not None:
            self._runtime.close()


class Account:
    """A person who can sign in and who holds an authenticator."""

    def __init__(self, deployment: Deployment, person: Person, username: str, secret: str) -> None:
        self.deployment = deployment
        self.person = person
        self.username = username
        self._totp = pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        """The code that the authenticator shows now, or `steps` of 30 s away."""
        return self._totp.at(int(time.time()) + 30 * steps)

    def wrong_code(self) -> str:
        """A code that no step near now has."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(f"{n:06d}" for n in range(1_000_000) if f"{n:06d}" not in near)

    def sign_in(self) -> Chat:
        chat = Chat(self.deployment)
        chat.sign_in(self.username, PASSWORD)
        return chat


class Chat:
    """What the chat page does, over HTTP."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.http = deployment.client()
        self.last: dict[str, Any] = {}

    def sign_in(self, username: str, password: str) -> httpx.Response:
        answer = self.http.post(
            "/api/v1/session",
            json={"username": username, "password": password},
            headers=at_the_door(self.http),
        )
        if answer.status_code == 200:
            self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer

    def post(self, path: str, **body: str) -> dict[str, Any]:
        """POST and return the reply; fails on anything but 200."""
        answer = self.http.post(f"/api/v1/{path}", json=body)
        assert 200 == answer.status_code, (answer.status_code, answer.text)
        self.last = answer.json()
        return self.last

    def say(self, text: str, message_id: str | None = None) -> str:
        """Send a message; the texts of the reply, one per line."""
        self.post("messages", id=message_id or secrets.token_hex(12), text=text)
        return self.text

    def press(self, title: str) -> str:
        """Press the button called `title` of the last reply."""
        for message in self.last["messages"]:
            for button in message.get("buttons") or []:
                if re.search(title, button["title"], re.IGNORECASE):
                    self.post("buttons", id=secrets.token_hex(12), button=button["id"])
                    return self.text
        raise AssertionError(f"no button {title!r} in {self.last}")

    def give(self, code: str) -> str:
        """Give a code for the pending challenge."""
        challenge = self.last["challenge"]
        assert challenge, self.last
        self.post(f"challenges/{challenge['id']}", code=code)
        return self.text

    @property
    def challenge(self) -> dict[str, Any] | None:
        challenge: dict[str, Any] | None = self.last.get("challenge")
        return challenge

    @property
    def text(self) -> str:
        return "\n".join(message.get("text") or "" for message in self.last["messages"])

"""The real channel beside a real provider: `oidc-provider` in Node, over HTTPS, on this machine."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gatehouse.clock import SystemClock
from gatehouse.identity.provider.service import open_provider
from gatehouse.ops.tls import local_authority, server_context
from gatehouse.settings import load_settings
from tests.needs import need
from tests.patience import PATIENCE
from tests.unit.channel.harness import Site

HERE = Path(__file__).parent
SECRET = "a secret that the two of them share, and nobody else"
CLIENT = "gatehouse"
KEY = b"k" * 32

PEOPLE = {
    "0001": {
        "name": "Erin Walsh",
        "preferred_username": "erin.walsh",
        "groups": ["staff", "something-else"],
        "employee_number": "E-1001",
    },
    "0002": {
        "name": "Noor Haddad",
        "preferred_username": "noor.haddad",
        "groups": ["staff", "people-managers"],
        "employee_number": "E-2002",
    },
    "0003": {"name": "Visitor", "preferred_username": "visitor", "groups": ["guests"]},
}
SETTINGS = {
    "NAME": "Brightwater",
    "CLIENT_ID": CLIENT,
    "CLIENT_SECRET_FILE": "provider-secret",
    "AUTHORITY": "var/tls/authority.pem",
    "NEWCOMERS": "match",
    "EMPLOYEE_ID_CLAIM": "employee_number",
    "ROLES_CLAIM": "groups",
    "ROLES": "staff=employee,people-managers=manager",
}


def need_provider() -> None:
    """Skip without the provider; in continuous integration its absence is a failure."""
    there = shutil.which("node") and (HERE / "node_modules" / "oidc-provider").is_dir()
    need(there, "oidc-provider is not installed (npm install in tests/oidc)")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class ProviderProcess:
    """The provider; `said` are the lines that it printed."""

    def __init__(self, home: Path, certificate: Path, client: dict[str, Any]) -> None:
        self.port = free_port()
        self.people: dict[str, dict[str, Any]] = json.loads(json.dumps(PEOPLE))
        self.said: Queue[str] = Queue()
        self._certificate = certificate
        self._client = client
        self._process = subprocess.Popen(
            ["node", str(HERE / "provider.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "NODE_EXTRA_CA_CERTS": str(home / "var" / "tls" / "authority.pem"),
            },
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.start()

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    def start(self, generation: int = 1) -> None:
        """Start it, or start it anew with the people as they are and keys of their own."""
        given = {
            "port": self.port,
            "key": str(self._certificate),
            "certificate": str(self._certificate),
            "client": self._client,
            "people": self.people,
            "generation": generation,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        self.wait_for("ready")

    def wait_for(self, line: str) -> None:
        """Read what it says until it says `line`."""
        before = []
        try:
            while (said := self.said.get(timeout=PATIENCE)) != line:
                before.append(said)
        except Empty:
            pytest.fail(f"the provider did not say {line!r} but {before}")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self.said.put(line.strip())
        except ValueError:  # closed meanwhile
            return


class ProviderSite(Site):
    """A running channel whose people sign in at `provider`."""

    def __init__(self, home: Path, **settings: str) -> None:
        secret = home / "provider-secret"
        secret.write_text(SECRET, encoding="utf-8")
        secret.chmod(0o600)
        bare = load_settings(home, {})
        server_context(bare, SystemClock())  # makes authority and certificate
        port = free_port()
        client = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [f"https://localhost:{port}/sign-in/return"],
            "post_logout_redirect_uris": [f"https://localhost:{port}/chat"],
            "backchannel_logout_uri": f"https://localhost:{port}/sign-in/logout",
            "backchannel_logout_session_required": True,
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
        }
        self.provider = ProviderProcess(home, local_authority(bare).server_file, client)
        values = {**SETTINGS, "ISSUER": self.provider.issuer, **settings}
        environment = {f"GATEHOUSE_PROVIDER_{name}": value for name, value in values.items()}
        super().__init__(
            home,
            SystemClock(),
            GATEHOUSE_SERVER_PORT=str(port),
            GATEHOUSE_LIMITS_SIGN_INS_PER_MINUTE="1000",
            **environment,
        )
        self.port = port

    def _build(self, home: Path) -> None:
        super()._build(home)
        self.services.provider = open_provider(
            self.settings, self.clock, self._engine, KEY, self.directory, self.audit.append
        )

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            self.provider.close()
            raise

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.provider.close()

    def browser(self) -> Browser:
        return Browser(self)


class Browser:
    """Goes from the chat page to the provider and back as a browser would, with one cookie jar."""

    def __init__(self, site: ProviderSite) -> None:
        self.site = site
        self.http = site.client()

    def begin(self) -> str:
        """Click on "Sign in with …": the address at the provider."""
        answer = self.http.get("/sign-in")
        assert 303 == answer.status_code, answer.text
        return answer.headers["location"]

    def at_provider(self, url: str, subject: str) -> str:
        """Sign in and consent there as `subject`: the address that leads back."""
        for _ in range(12):
            if url.startswith(self.site.origin):
                return url
            answer = self.http.get(url, headers={"Sec-Fetch-Site": "cross-site"})
            if answer.is_redirect:
                url = str(answer.url.join(answer.headers["location"]))
                continue
            form = _form(answer.text)
            fields = {**form.fields}
            if fields.get("prompt") == "login":
                fields |= {"login": subject, "password": "whatever"}
            answer = self.http.post(
                str(answer.url.join(form.action)),
                content=urlencode(fields),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert answer.is_redirect, answer.text
            url = str(answer.url.join(answer.headers["location"]))
        raise AssertionError("the provider sends us in circles")

    def come_back(self, url: str) -> httpx.Response:
        """Follow the way back, which begins at another site."""
        return self.http.get(
            url, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
        )

    def sign_in(self, subject: str = "0001") -> httpx.Response:
        """All of it; the answer of the last step."""
        return self.come_back(self.at_provider(self.begin(), subject))

    def press(self, page: httpx.Response, name: str) -> None:
        """Press the button `name` of the form on a page of the provider, and go where it leads."""
        form = _form(page.text)
        answer = self.http.post(
            str(page.url.join(form.action)),
            content=urlencode({**form.fields, name: "yes"}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.is_redirect, answer.text

    def session(self) -> dict[str, Any]:
        """Who is signed in here; the CSRF token is sent from now on."""
        answer = self.http.get("/api/v1/session")
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        self.http.headers["X-CSRF-Token"] = found["csrf"]
        return found


class _Form:
    def __init__(self, action: str, fields: dict[str, str]) -> None:
        self.action = action
        self.fields = fields


def _form(page: str) -> _Form:
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    assert action is not None, page
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name is not None:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return _Form(html.unescape(action[1]), found)


def query_of(url: str) -> dict[str, str]:
    """The query of `url`, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

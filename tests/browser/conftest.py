"""Chromium, the served demonstration, and the watch over every page."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from gatehouse.ops.authority import LocalAuthority
from gatehouse.webhooks.signature import write_secret
from tests.browser.browsing import CHROMIUM, QUIET, Visitor, Watch
from tests.e2e.conftest import _trained_model, employee
from tests.e2e.deployment import Account, Deployment
from tests.mailserver import MailDesk
from tests.needs import need
from tests.other_system import OtherSystem, other_system
from tests.patience import PATIENCE

__all__ = ["_trained_model", "employee"]

expect.set_options(timeout=1000 * PATIENCE)

Visit = Callable[..., Visitor]
INTRANET = "https://localhost:9443"  # nobody listens there; the tests answer for it


@dataclass
class Carriers:
    """Where codes go that are sent: a mail server and the gateway for text messages."""

    mail: MailDesk
    texts: OtherSystem
    key: bytes

    def settings(self) -> dict[str, str]:
        return {
            "GATEHOUSE_MAIL_HOST": "localhost",
            "GATEHOUSE_MAIL_PORT": str(self.mail.port),
            "GATEHOUSE_MAIL_SENDER": "desk@example.org",
            "GATEHOUSE_MAIL_AUTHORITY": self.texts.authority,
            "GATEHOUSE_MAIL_DOMAINS": "example.org",
        }

    def name_gateway(self, home: Path) -> None:
        secret = home / "sms-secret"
        secret.write_text(f"{write_secret(self.key)}\n", encoding="utf-8")
        secret.chmod(0o600)
        (home / "webhooks.toml").write_text(
            f"""[outgoing.sms]
url = "https://localhost:{self.texts.port}/send"
secrets = ["sms-secret"]
addresses = ["127.0.0.0/8", "::1/128"]
authority = "{self.texts.authority}"
""",
            encoding="utf-8",
        )


@pytest.fixture(scope="session")
def carriers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carriers]:
    authority = LocalAuthority(tmp_path_factory.mktemp("authority"))
    authority.ensure(time.time())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    with MailDesk(context) as mail, other_system(authority) as texts:
        yield Carriers(mail, texts, os.urandom(32))


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, carriers: Carriers
) -> Iterator[Deployment]:
    """A served demonstration that one other page may embed, and that sends codes.

    One rule asks for less than the demonstration's, so that a code by e-mail is worth enough for something.
    """
    home = tmp_path_factory.mktemp("browsed")
    carriers.name_gateway(home)
    settings = carriers.settings()
    with Deployment(home, GATEHOUSE_SERVER_FRAMED_BY=INTRANET, **settings) as deployment:
        rules = home / "policies" / "general.yml"
        text = rules.read_text(encoding="utf-8")
        assert 1 == text.count("level: aal2")
        rules.write_text(text.replace("level: aal2", "level: aal1"), encoding="utf-8")
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.start("--demo")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; these tests need it, and continuous integration has it.

    Not longer than a module: while Playwright is open, no other test of the process can run a loop.
    """
    need(CHROMIUM, "Chromium is not installed (Debian's package: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(QUIET), chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def watch(deployment: Deployment) -> Iterator[Watch]:
    """Fails the test when a page of it broke the content security policy or met a script error."""
    watch = Watch(deployment.origin)
    yield watch
    assert [] == watch.collect()


@pytest.fixture
def visit(browser: Browser, watch: Watch, employee: Account) -> Iterator[Visit]:
    """Makes visitors; takes an account and options of a browser context."""
    visitors: list[Visitor] = []

    def make(account: Account = employee, **options: Any) -> Visitor:
        visitors.append(Visitor(browser, watch, account, **options))
        return visitors[-1]

    yield make
    watch.collect()
    for visitor in visitors:
        visitor.close()

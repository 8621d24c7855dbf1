"""Chromium, the served demonstration, and the watch over every page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.browsing import CHROMIUM, QUIET, Visitor, Watch
from tests.e2e.conftest import _trained_model, employee
from tests.e2e.deployment import Account, Deployment

__all__ = ["_trained_model", "employee"]

Visit = Callable[..., Visitor]
INTRANET = "https://localhost:9443"  # nobody listens there; the tests answer for it


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A served demonstration that one other page may embed."""
    home = tmp_path_factory.mktemp("browsed")
    with Deployment(home, GATEHOUSE_SERVER_FRAMED_BY=INTRANET) as deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.start("--demo")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; these tests need it, and continuous integration has it.

    Not longer than a module: while Playwright is open, no other test of the process can run a loop.
    """
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed (Debian's package: chromium)")
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

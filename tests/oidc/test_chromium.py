"""Sign-in at the provider in a real browser, which has the last word on cookies and redirects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from gatehouse.channel.cookies import DEVICE, FLOW, SESSION
from tests.browser.conftest import browser
from tests.oidc.desk import ProviderSite, need_provider

__all__ = ["browser"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderSite]:
    need_provider()
    with ProviderSite(tmp_path_factory.mktemp("chromium")) as running:
        yield running


def of_us(site: ProviderSite, line: ConsoleMessage) -> bool:
    """Whether a line of the console is an error of our pages; the provider's have some of their own."""
    return line.type == "error" and line.location["url"].startswith(site.origin)


def test_a_browser_comes_back_signed_in(site: ProviderSite, browser: Browser) -> None:
    """The Lax cookie returns with the browser, the Strict one is set, and no code stays in the address."""
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda line: refused.append(line.text) if of_us(site, line) else None)
        page.goto(f"{site.origin}/chat")
        page.get_by_role("link", name="Sign in with Brightwater").click()
        page.locator("input[name=login]").fill("0001")
        page.locator("input[name=password]").fill("whatever")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()
        expect(page.get_by_label("Your message")).to_be_visible()
        assert f"{site.origin}/chat" == page.url
        kept = {cookie["name"]: cookie for cookie in context.cookies(site.origin)}
        assert "Strict" == kept[SESSION]["sameSite"]
        assert DEVICE in kept
        assert FLOW not in kept
        page.reload()
        expect(page.get_by_text("Hello Erin")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("Do you want to sign-out")).to_be_visible()
        # A stranger to the session is told so by a 401, which browsers write into their console.
        assert [] == [line for line in refused if "401" not in line]


def test_a_refusal_leads_back_to_the_page(site: ProviderSite, browser: Browser) -> None:
    """Whoever may not come in is at the sign-in form again, and is nobody."""
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{site.origin}/chat")
        page.get_by_role("link", name="Sign in with Brightwater").click()
        page.locator("input[name=login]").fill("0003")
        page.locator("input[name=password]").fill("whatever")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()
        expect(page.get_by_role("alert")).to_have_text("That sign-in was refused.")
        assert f"{site.origin}/chat" == page.url
        names = {cookie["name"] for cookie in context.cookies(site.origin)}
        assert not names & {SESSION, FLOW}

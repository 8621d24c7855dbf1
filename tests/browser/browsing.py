"""A person at the chat page: a real Chromium, looked at by what is on the screen.

Every page is watched from its first byte: a violation of the content security policy, a script
error or a request to another origin fails the test that caused it, whatever the test was about.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.deployment import PASSWORD, Account
from tests.patience import PATIENCE

CHROMIUM = shutil.which("chromium")
# Without these Chromium asks its maker's servers for news at every start.
QUIET = (
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    # A page that a test answers for has no address, so Chromium would count it as the internet's.
    "--disable-features=LocalNetworkAccessChecks",
)
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}

_WATCH = """
window.__violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
_FAILED_REQUEST = re.compile(r"Failed to load resource: .*(status of \d+|ERR_)")


@dataclass
class Watch:
    """What went wrong on the pages of one test."""

    origin: str
    allowed: tuple[str, ...] = ()
    found: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch every page that `context` opens."""
        context.add_init_script(_WATCH)
        context.on("page", self._page)
        context.on("request", lambda request: self._address(request.url))

    def collect(self) -> list[str]:
        """Everything found, the policy violations of the open pages included."""
        for page in self.pages:
            if not page.is_closed():
                for frame in page.frames:
                    self.found += frame.evaluate("window.__violations ?? []")
        return list(self.found)

    def forget(self) -> None:
        """Leave out what was found so far; for the test of the watch itself."""
        self.found.clear()
        self.pages.clear()

    def _page(self, page: Page) -> None:
        self.pages.append(page)
        page.on("pageerror", lambda error: self.found.append(f"script error: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))

    def _said(self, kind: str, text: str) -> None:
        # A refused request is an answer; the browser reports it as an error all the same.
        if kind in ("error", "warning") and not _FAILED_REQUEST.search(text):
            self.found.append(f"console {kind}: {text}")

    def _address(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:", *self.allowed)):
            self.found.append(f"request to {url}")


class Visitor:
    """One browser profile, as one person has it; its pages share the session."""

    def __init__(self, browser: Browser, watch: Watch, account: Account, **options: Any) -> None:
        self.account = account
        self.context = browser.new_context(
            ignore_https_errors=True, **{"viewport": DESKTOP, **options}
        )
        self.context.set_default_timeout(1000 * PATIENCE)
        watch.over(self.context)
        self.page = self.context.new_page()

    def open(self, page: Page | None = None) -> Page:
        """The chat page in `page`, or in this visitor's first one."""
        page = page or self.page
        page.goto(f"{self.account.deployment.origin}/chat")
        return page

    def sign_in(self) -> Page:
        """Sign in as a person does: name, password, Enter."""
        self.open()
        return self.sign_in_again()

    def sign_in_again(self) -> Page:
        """Sign in at the form that is on the screen."""
        self.page.get_by_label("User name").fill(self.account.username)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.keyboard.press("Enter")
        expect(composer(self.page)).to_be_focused()
        return self.page

    def say(self, text: str) -> Locator:
        """Write a message and send it; the answer, once it stands in the log."""
        return say(self.page, text)

    def close(self) -> None:
        self.context.close()


def composer(page: Page) -> Locator:
    return page.get_by_label("Your message")


def say(page: Page, text: str) -> Locator:
    """Send `text` and return the assistant's last answer."""
    answers = page.locator(".message.bot")
    before = answers.count()
    composer(page).fill(text)
    page.keyboard.press("Enter")
    expect(answers.nth(before)).to_be_visible()
    expect(page.locator(".typing")).to_be_hidden()
    return answers.last


def card(page: Page) -> Locator:
    """The card that asks for a code."""
    return page.get_by_role("region", name="Confirm it is you")

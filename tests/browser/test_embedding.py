"""The chat page inside another page: by the documented snippet and only where it is allowed."""

from __future__ import annotations

import re

from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.browsing import Visitor, Watch
from tests.browser.conftest import INTRANET, Visit
from tests.e2e.deployment import PASSWORD, Account, Deployment

STRANGER = "https://elsewhere.example"


def embedded(visitor: Visitor, watch: Watch, origin: str, deployment: Deployment) -> Page:
    """A page of `origin` that holds exactly what `gatehouse widget snippet` prints."""
    printed = deployment.command("widget", "snippet")
    assert 0 == printed.returncode, printed.stderr
    watch.allowed += (origin,)
    page = visitor.page
    page.route(
        f"{origin}/**",
        lambda route: route.fulfill(
            content_type="text/html", body=f"<!doctype html><title>Intranet</title>{printed.stdout}"
        ),
    )
    page.goto(f"{origin}/portal")
    return page


def test_the_snippet_works_where_it_is_allowed(
    visit: Visit, watch: Watch, employee: Account, deployment: Deployment
) -> None:
    """In a page of a named origin of the same site a person signs in, asks and is answered."""
    page = embedded(visit(), watch, INTRANET, deployment)
    frame: FrameLocator = page.frame_locator("iframe")
    frame.get_by_label("User name").fill(employee.username)
    frame.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    frame.get_by_label("Your message").fill("how many days of leave do I have left")
    page.keyboard.press("Enter")
    expect(frame.locator(".message.bot")).to_contain_text(re.compile(r"\d+ .*day"))
    frame.get_by_role("button", name="Clear conversation").click()
    expect(frame.get_by_role("dialog")).to_be_visible()


def test_other_pages_cannot_embed_it(visit: Visit, watch: Watch, deployment: Deployment) -> None:
    """In a page of any other origin the frame stays empty: no clickjacking."""
    page = embedded(visit(), watch, STRANGER, deployment)
    page.wait_for_timeout(500)
    expect(page.frame_locator("iframe").get_by_label("User name")).to_have_count(0)
    refused = [item for item in watch.collect() if "frame-ancestors" in item]
    assert refused
    watch.forget()


def test_the_snippet_says_who_may_use_it(deployment: Deployment) -> None:
    """The tag goes to stdout, the pages that may use it to stderr."""
    printed = deployment.command("widget", "snippet", "--title", 'a "b" <c>')
    assert printed.stdout.startswith(f'<iframe src="{deployment.origin}/chat"')
    assert 'title="a &quot;b&quot; &lt;c&gt;"' in printed.stdout
    assert INTRANET in printed.stderr

"""Answers are pleasant to read: lists, other scripts, long ones, and what was said before."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.browsing import composer, say
from tests.browser.conftest import Visit
from tests.browser.test_hostile import reply

LONG = "A sentence of an answer that goes on. " * 270  # 10 000 characters
LISTED = "You have:\n• 15 <b>days</b>\n- https://leave.example.org/\nThat is all."
ARABIC = "مرحبا، لديك 15 يوما (abc)\n• سطر آخر"


def answering(page: Page, text: str) -> None:
    """From now on the assistant says `text`, whatever it is asked."""
    page.unroute_all()
    page.route("**/api/v1/messages", lambda route: route.fulfill(json=reply(text)))


def place(page: Page) -> dict[str, Any]:
    """Where the log stands, and where the last answer begins in it; pixels."""
    found: dict[str, Any] = page.evaluate(
        """() => {
          const log = document.querySelector('.log');
          const box = log.getBoundingClientRect();
          const last = [...log.querySelectorAll('.bot')].at(-1).getBoundingClientRect();
          return {top: log.scrollTop, end: log.scrollHeight - log.clientHeight,
                  answer: last.top - box.top, height: box.height};
        }"""
    )
    return found


def test_lists_are_lists_and_other_scripts_begin_at_their_side(visit: Visit) -> None:
    """A screen reader counts the items; Arabic reads from the right; what looks like markup is text."""
    page = visit().sign_in()
    answering(page, LISTED)
    answer = say(page, "list")
    expect(answer.get_by_role("listitem")).to_have_text(
        ["15 <b>days</b>", "https://leave.example.org/ (opens in a new tab)"]
    )
    expect(answer.get_by_role("link")).to_have_attribute("href", "https://leave.example.org/")
    expect(answer.locator("p")).to_have_text(["You have:", "That is all."])
    answering(page, ARABIC)
    answer = say(page, "كم يوما بقي لي؟")
    direction = "element => getComputedStyle(element).direction"
    for said in (answer.locator(".said"), page.locator(".person .said").last):
        assert "rtl" == said.evaluate(direction)
    composer(page).fill("مرحبا")
    assert "rtl" == composer(page).evaluate(direction)


def test_a_long_answer_is_shown_from_its_beginning(visit: Visit) -> None:
    """And who reads further up is left there when something comes, with one press to the newest."""
    page = visit().sign_in()
    newest = page.get_by_role("button", name="Newest message")
    answering(page, "Short.")
    say(page, "short")
    expect(newest).to_be_hidden()
    answering(page, LONG)
    say(page, "long")
    found = place(page)
    assert 0 <= found["answer"] < found["height"] / 4
    assert found["top"] < found["end"]
    newest.click()
    expect(newest).to_be_hidden()
    found = place(page)
    assert abs(found["end"] - found["top"]) < 2

    held: list[Route] = []
    page.unroute_all()
    page.route("**/api/v1/messages", lambda route: held.append(route))
    composer(page).fill("another")
    page.keyboard.press("Enter")
    expect(page.locator(".typing")).to_be_visible()
    page.evaluate("document.querySelector('.log').scrollTop = 0")
    expect(newest).to_be_visible()
    held[0].fulfill(json=reply("It came."))
    expect(page.locator(".message.bot").last).to_contain_text("It came.")
    expect(page.locator(".typing")).to_be_hidden()
    assert 0 == place(page)["top"]


def test_an_empty_conversation_offers_a_beginning(visit: Visit) -> None:
    """Who does not know what may be asked presses one button; it is gone afterwards."""
    page = visit().sign_in()
    begin = page.get_by_role("button", name="What can you do?")
    begin.click()
    expect(page.locator(".message.person")).to_contain_text("What can you do?")
    expect(page.locator(".message.bot")).to_have_count(1)
    expect(begin).to_have_count(0)
    expect(composer(page)).to_be_focused()


def test_messages_of_one_minute_share_its_time(visit: Visit) -> None:
    """One time below several messages instead of one below each."""
    page = visit().sign_in()
    page.clock.set_fixed_time("2026-11-25T10:00:00Z")
    answering(page, "Yes.")
    for text in ("one", "two", "three"):
        say(page, text)
    expect(page.locator(".message")).to_have_count(6)
    expect(page.locator(".message time").filter(visible=True)).to_have_count(1)

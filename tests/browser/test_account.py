"""The account panel: where one is signed in, what is stored, a copy, its end; with the keyboard alone."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from gatehouse.identity.front_ends import PublicKey
from tests.browser.browsing import card, composer
from tests.browser.conftest import Visit
from tests.e2e.deployment import Account
from tests.front_end import SigningFrontEnd


def open_account(page: Page) -> Locator:
    """The panel, once every part of it was read."""
    page.get_by_role("button", name="Account").click()
    panel = page.get_by_role("dialog", name="Your account")
    expect(panel).to_be_visible()
    expect(panel.get_by_text("Looking it up")).to_have_count(0)
    return panel


def confirm(page: Page, employee: Account) -> None:
    """Give the code that the card asks for."""
    expect(card(page)).to_be_visible()
    page.get_by_label("6-digit code").fill(employee.code())
    page.keyboard.press("Enter")


def test_the_panel_opens_and_closes_with_the_keyboard(visit: Visit) -> None:
    """Enter opens it, the focus stays inside, Escape closes it and the focus is where it was."""
    page = visit().sign_in()
    button = page.get_by_role("button", name="Account")
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Your account")
    expect(panel.get_by_text("Looking it up")).to_have_count(0)
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert inside, "the page behind the panel is out of reach"
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(button).to_be_focused()


def test_a_front_end_is_seen_and_ended(visit: Visit, employee: Account) -> None:
    """Who has one sees where it lives, what it may and until when, and ends it; others see no such part."""
    registry = employee.deployment.runtime.front_ends
    page = visit().sign_in()
    expect(open_account(page).get_by_role("heading", name="Apps that speak for you")).to_be_hidden()
    page.keyboard.press("Escape")
    key = SigningFrontEnd(time.time).jwk
    made = registry.register(
        employee.person.id, "Kiosk", "kiosk.example.org", ["chat"], PublicKey.of(key), 86400
    )
    panel = open_account(page)
    shown = panel.get_by_role("listitem").filter(has_text="Kiosk")
    expect(shown).to_contain_text("kiosk.example.org · may chat · until ")
    panel.get_by_role("button", name="End the access of Kiosk").click()
    page.get_by_role("button", name="End it").click()
    expect(panel.get_by_role("status").first).to_have_text("Kiosk no longer speaks for you.")
    expect(panel.get_by_text("kiosk.example.org")).to_have_count(0)
    assert registry.get(made.id) is None


def test_one_of_several_sessions_is_ended(visit: Visit) -> None:
    """Both browsers are listed, the own one is named and has no end button; the other goes back to sign-in."""
    here, there = visit(), visit()
    page, other = here.sign_in(), there.sign_in()
    expect(composer(other)).to_be_focused()
    panel = open_account(page)
    own = panel.get_by_role("listitem").filter(has_text="(this one)")
    expect(own).to_have_count(1)
    expect(own.get_by_role("button")).to_have_count(0)
    while (ends := panel.get_by_role("button", name=re.compile("^End the session"))).count():
        left = ends.count()
        ends.last.click()
        expect(panel.get_by_text("That session has ended.")).to_be_visible()
        expect(ends).to_have_count(left - 1)
    expect(other.get_by_label("User name")).to_be_visible()
    assert "signed_out" not in other.locator("body").inner_text()


def test_signing_out_everywhere_asks_and_ends_all(visit: Visit) -> None:
    """The question can be taken back; then every browser is at the sign-in form, this one too."""
    here, there = visit(), visit()
    page, other = here.sign_in(), there.sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("button", name="Stay signed in").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("dialog", name="Sign out everywhere?")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_label("User name")).to_be_visible()
    expect(other.get_by_label("User name")).to_be_visible()


def test_a_copy_is_asked_for_confirmed_and_downloaded(
    visit: Visit, employee: Account, tmp_path: Path
) -> None:
    """From the panel: the request, the card that says what it is, then both forms; each link works once."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("how many days of leave do I have left")
    panel = open_account(page)
    expect(panel).to_contain_text(re.compile(r"Conversation of .*: 1 message"))
    expect(panel).to_contain_text("erased for good on")
    panel.get_by_role("button", name="Get a copy").click()
    expect(panel).to_have_count(0)
    expect(card(page)).to_contain_text("xport everything that is stored")
    confirm(page, employee)
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download as JSON").click()
    loading.value.save_as(tmp_path / "data.json")
    document = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    said = [one["text"] for item in document["conversations"] for one in item["messages"]]
    assert "how many days of leave do I have left" in said
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download to read").click()
    assert "my-data.html" == loading.value.suggested_filename
    expect(page.locator("a.download[href]")).to_have_count(0)


def test_everything_is_erased_after_question_and_code(visit: Visit, employee: Account) -> None:
    """Keeping it keeps it; erasing needs the code, leaves nothing, ends other sessions and hands out a receipt."""
    visitor, elsewhere = visit(), visit()
    page = visitor.sign_in()
    other = elsewhere.sign_in()
    visitor.say("how many days of leave do I have left")
    open_account(page).get_by_role("button", name="Erase everything").click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Erase everything").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase everything").click()
    confirm(page, employee)
    receipt = page.get_by_role("link", name="Download the receipt")
    with page.expect_download() as loading:
        receipt.click()
    assert "erasure-receipt.json" == loading.value.suggested_filename
    expect(page.locator(".message.person")).to_have_count(0)
    # An open page looks at its session every ten seconds.
    expect(other.get_by_label("User name")).to_be_visible()
    page.reload()
    expect(composer(page)).to_be_focused()
    expect(page.locator(".message")).to_have_count(0)


def test_a_part_that_cannot_be_read_is_said_and_hides_no_other(visit: Visit) -> None:
    """One endpoint that fails leaves a sentence in its own place."""
    page = visit().sign_in()
    body = {"error": {"code": "unavailable", "message": "Gatehouse cannot answer right now."}}
    page.route("**/api/v1/stored", lambda route: route.fulfill(status=503, json=body))
    page.route("**/api/v1/authenticators", lambda route: route.fulfill(json={"authenticators": 7}))
    panel = open_account(page)
    expect(panel).to_contain_text("Gatehouse cannot answer right now.")
    expect(panel).to_contain_text("(this one)")
    expect(panel).not_to_contain_text("TypeError")
    expect(panel).not_to_contain_text("is not a function")


def test_a_session_that_ends_closes_the_panel(visit: Visit) -> None:
    """Signed out in another tab, the panel goes as well and nothing of it stays on the screen."""
    visitor = visit()
    page = visitor.sign_in()
    panel = open_account(page)
    second = visitor.open(visitor.context.new_page())
    second.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    expect(panel).to_have_count(0)


def test_what_was_written_is_not_for_the_next_person(visit: Visit) -> None:
    """A draft survives the end of a session for the same person, and no sign-out."""
    visitor = visit()
    page = visitor.sign_in()
    composer(page).fill("my knee hurts")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    page.get_by_label("User name").fill(visitor.account.username)
    page.get_by_label("Password", exact=True).fill("the password of nobody here")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    visitor.sign_in_again()
    expect(composer(page)).to_have_value("")


def test_a_draft_survives_the_end_of_its_session(visit: Visit) -> None:
    """Signed out elsewhere in the middle of a sentence: after signing in again it is still there."""
    visitor = visit()
    page = visitor.sign_in()
    composer(page).fill("my knee hurts")
    second = visitor.open(visitor.context.new_page())
    second.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    visitor.sign_in_again()
    expect(composer(page)).to_have_value("my knee hurts")


def test_an_end_that_cannot_be_put_off_is_announced_as_such(visit: Visit) -> None:
    """The absolute end of a session counts down without a button that would not help."""
    visitor = visit()

    def soon(route: Route) -> None:
        answer = route.fetch()
        facts = {"expires_in": 250, "expires_by": "absolute"}
        route.fulfill(response=answer, json={**answer.json(), **facts})

    visitor.page.route("**/api/v1/session", soon)
    page = visitor.sign_in()
    warning = page.locator("footer .warning")
    expect(warning).to_contain_text("Your sign-in ends in 4:")
    expect(warning.get_by_role("button")).to_have_count(0)

"""The whole promise as a person walks it, with the keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.browsing import card, composer
from tests.browser.conftest import Visit
from tests.e2e.deployment import PASSWORD, Account


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_promise_with_the_keyboard_alone(visit: Visit, employee: Account) -> None:
    """Sign in, be answered, be refused, step up with a wrong and a right code, sign out."""
    page = visit().open()
    keyboard = page.keyboard
    expect(page.get_by_label("User name")).to_be_focused()
    keyboard.type(employee.username)
    press(page, "Tab")
    keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(composer(page)).to_be_focused()

    keyboard.type("how many days of leave do I have left")
    press(page, "Enter")
    answers = page.locator(".message.bot")
    expect(answers.last).to_contain_text(re.compile(r"\d+ .*day"))

    keyboard.type("what does Marco Silva earn?")
    press(page, "Enter")
    expect(answers).to_have_count(2)
    expect(answers.last).not_to_contain_text("€")

    keyboard.type("show me my payslip for last month")
    press(page, "Enter")
    code = page.get_by_label("6-digit code")
    expect(code).to_be_focused()
    expect(card(page)).to_contain_text("payslip")
    keyboard.type(employee.wrong_code())
    press(page, "Enter")
    expect(card(page).get_by_role("alert")).not_to_be_empty()
    expect(code).to_be_focused()
    keyboard.type(employee.code())
    press(page, "Enter")
    expect(card(page)).to_be_hidden()
    expect(answers.last).to_contain_text("net €")
    expect(composer(page)).to_be_focused()
    expect(page.locator("body")).not_to_contain_text(employee.code())

    # Backwards through the page: the log, then the buttons of the header.
    sign_out = page.get_by_role("button", name="Sign out")
    for _ in range(10):
        if sign_out.evaluate("node => node === document.activeElement"):
            break
        press(page, "Shift+Tab")
    expect(sign_out).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_label("User name")).to_be_focused()
    page.reload()
    expect(page.get_by_label("User name")).to_be_visible()


def test_escape_cancels_the_card_and_says_so(visit: Visit) -> None:
    """Escape in the card cancels the request; nothing was shown and the composer has the focus."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("what is my salary")
    press(page, "Escape")
    expect(card(page)).to_be_hidden()
    expect(page.locator(".message.bot").last).to_contain_text("cancelled")
    expect(composer(page)).to_be_focused()
    expect(page.locator(".log")).not_to_contain_text("gross")


def test_quick_replies_are_buttons_and_freeze(visit: Visit) -> None:
    """A choice is a button in reach of the keyboard, works once, and stays marked as chosen."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("I want to change my bank account")
    visitor.say("DE89 3704 0044 0532 0130 00")
    choice = page.get_by_role("button", name="Yes")
    choice.focus()
    press(page, "Enter")
    expect(card(page)).to_contain_text("DE89 3704 0044 0532 0130 00")
    expect(choice).to_be_disabled()
    expect(choice).to_have_attribute("aria-pressed", "true")


def test_clearing_asks_first_and_leaves_nothing(visit: Visit) -> None:
    """The clear button asks, Escape keeps, the confirmation destroys; a reload shows an empty conversation."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("how many days of leave do I have left")
    page.get_by_role("button", name="Clear conversation").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".message.bot")).to_have_count(1)
    page.get_by_role("button", name="Clear conversation").click()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".message")).to_have_count(0)
    page.reload()
    expect(composer(page)).to_be_focused()
    expect(page.locator(".message")).to_have_count(0)


def test_a_wrong_password_is_said_and_forgotten(visit: Visit, employee: Account) -> None:
    """The name stays, the password goes, and the sentence does not say which of them was wrong."""
    page = visit().open()
    page.get_by_label("User name").fill(employee.username)
    page.get_by_label("Password", exact=True).fill("not the password at all")
    press(page, "Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("User name")).to_have_value(employee.username)
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()


def test_password_fields_mask_and_can_be_pasted_into(visit: Visit, employee: Account) -> None:
    """What is typed is not shown, and a password manager's paste arrives (ASVS v5.0.0-6.2.6, 6.2.7)."""
    page = visit().open()
    field = page.get_by_label("Password", exact=True)
    assert ("password", "current-password") == (
        field.get_attribute("type"),
        field.get_attribute("autocomplete"),
    )
    page.get_by_label("User name").fill("a pasted password")
    press(page, "Control+a", "Control+c")
    field.focus()
    press(page, "Control+v")
    expect(field).to_have_value("a pasted password")


def test_nothing_is_kept_in_the_browser(visit: Visit) -> None:
    """After a conversation the browser holds cookies that scripts cannot read, and no storage."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("how many days of leave do I have left")
    stored = page.evaluate(
        "async () => [localStorage.length, sessionStorage.length, document.cookie,"
        " (await indexedDB.databases()).length, (await caches.keys()).length]"
    )
    assert [0, 0, "", 0, 0] == stored
    cookies = visitor.context.cookies()
    assert {"__Host-gatehouse", "__Host-gatehouse-device"} == {item["name"] for item in cookies}
    for item in cookies:
        kept = (item["secure"], item["httpOnly"], item["sameSite"])
        assert (True, True, "Strict") == kept

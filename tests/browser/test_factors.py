"""Authenticators in the account panel: the first one, another, names, removal, recovery codes, choosing."""

from __future__ import annotations

import re
import time

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.browsing import card, composer
from tests.browser.conftest import Visit
from tests.browser.test_account import open_account
from tests.e2e.deployment import Account, Deployment

RECOVERY = re.compile(r"^rc-\w{5}-\w{5}$")


def scanned(page: Page) -> str:
    """The seed, as somebody copies it who cannot scan; the picture is there as well."""
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    return page.locator("code.secret").inner_text().replace(" ", "")


def code_of(seed: str) -> str:
    return pyotp.TOTP(seed).at(int(time.time()))


def prove(page: Page, code: str) -> None:
    expect(card(page)).to_be_visible()
    card(page).get_by_role("textbox").fill(code)
    page.keyboard.press("Enter")


def test_the_first_authenticator_with_the_keyboard_alone(
    visit: Visit, deployment: Deployment
) -> None:
    """A ticket proves it, a wrong code is said, a right one activates; recovery codes are shown once; then it confirms."""
    person = deployment.person("employee", factor=False)
    visitor = visit(person)
    page = visitor.sign_in()
    panel = open_account(page)
    expect(panel).to_contain_text("You have none yet")
    panel.get_by_role("button", name="Add an authenticator app").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("A name that you will recognise")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card(page)).to_contain_text("Phone")
    ticket = page.get_by_label("Enrolment ticket")
    expect(ticket).to_be_focused()
    expect(ticket).to_have_attribute("inputmode", "text")
    page.keyboard.type("tk-aaaaa-aaaaa")
    page.keyboard.press("Enter")
    expect(card(page).get_by_role("alert")).not_to_be_empty()
    page.keyboard.type(deployment.runtime.factors.tickets.issue(person.person.id))
    page.keyboard.press("Enter")
    seed = scanned(page)
    expect(page.get_by_label("6-digit code")).to_be_focused()
    page.keyboard.type("12345")
    page.keyboard.press("Enter")
    expect(page.get_by_text("A code has six digits.")).to_be_visible()
    expect(page.get_by_label("6-digit code")).to_be_focused()
    page.keyboard.type(code_of(seed))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    assert codes
    assert [] == [code for code in codes if not RECOVERY.match(code)]
    page.get_by_role("button", name="I have kept them").press("Enter")
    expect(panel).to_contain_text("Added: Phone.")
    expect(panel).to_contain_text(f"Recovery codes left: {len(codes)}")
    page.keyboard.press("Escape")

    expect(page.get_by_role("region", name="About your sign-in")).to_contain_text("Phone")
    page.get_by_role("button", name="I have seen this").first.click()
    visitor.say("what is my salary")
    expect(page.get_by_label("6-digit code")).to_have_attribute("inputmode", "numeric")
    card(page).get_by_role("button", name="Recovery code").press("Enter")
    page.keyboard.type(codes[0])
    page.keyboard.press("Enter")
    expect(page.locator(".message.bot").last).to_contain_text("gross")


def test_a_recovery_code_is_chosen_and_typed_with_letters(
    visit: Visit, deployment: Deployment
) -> None:
    """The card offers the ways there are; the field of a recovery code takes letters on a phone."""
    person = deployment.person("employee")
    visitor = visit(person, viewport={"width": 360, "height": 740})
    page = visitor.sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name="New recovery codes").click()
    prove(page, person.code())
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    page.get_by_role("button", name="I have kept them").click()
    page.get_by_role("button", name="Close").click()
    visitor.say("what is my salary")
    card(page).get_by_role("button", name="Recovery code").click()
    field = page.get_by_label("Recovery code")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("inputmode", "text")
    field.fill(codes[0].upper())
    page.keyboard.press("Enter")
    expect(page.locator(".message.bot").last).to_contain_text("gross")


def test_another_authenticator_is_added_renamed_and_removed(
    visit: Visit, employee: Account, deployment: Deployment
) -> None:
    """Each change but the name is proven; the last one is removed only after a warning."""
    person = deployment.person("employee")
    spare = deployment.runtime.recovery.issue(person.person.id)[0]
    page = visit(person).sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name="Add an authenticator app").click()
    page.get_by_label("A name that you will recognise").fill("Tablet")
    page.get_by_role("button", name="Continue").click()
    expect(card(page)).to_contain_text("Tablet")
    prove(page, person.code())
    seed = scanned(page)
    page.get_by_label("6-digit code").fill(code_of(seed))
    page.get_by_role("button", name="Confirm").click()
    expect(panel).to_contain_text("Added: Tablet.")
    panel.get_by_role("button", name="Rename Tablet").click()
    page.get_by_label("A name that you will recognise").fill("Old <b>tablet</b>")
    page.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("Old <b>tablet</b>")
    panel.get_by_role("button", name="Remove Old <b>tablet</b>").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(card(page)).to_contain_text("Old <b>tablet</b>")
    page.keyboard.press("Escape")
    expect(panel).to_contain_text("Old <b>tablet</b>")
    panel.get_by_role("button", name="Remove Old <b>tablet</b>").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    card(page).get_by_role("button", name="Recovery code").click()
    prove(page, spare)
    expect(panel).to_contain_text("Removed: Old <b>tablet</b>.")
    last = panel.get_by_role("button", name=re.compile("^Remove "))
    expect(last).to_have_count(1)
    last.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Remove it anyway")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(last).to_have_count(1)


def test_leaving_an_enrolment_leaves_nothing_behind(visit: Visit, deployment: Deployment) -> None:
    """Back from the QR code: the list is as before, and the seed is not on the page any more."""
    person = deployment.person("employee")
    page = visit(person).sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name="Add an authenticator app").click()
    page.get_by_role("button", name="Continue").click()
    prove(page, person.code())
    seed = scanned(page)
    page.get_by_role("button", name="Back").click()
    expect(panel.get_by_role("button", name=re.compile("^Remove "))).to_have_count(1)
    assert seed not in page.content().replace(" ", "")
    page.keyboard.press("Escape")
    expect(composer(page)).to_be_visible()


def test_a_passkey_is_created_and_signs_for_the_request(
    visit: Visit, deployment: Deployment
) -> None:
    """With Chromium's own virtual authenticator: set up in the panel, then used from the card."""
    person = deployment.person("employee")
    visitor = visit(person)
    page = visitor.sign_in()
    keys = visitor.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = keys.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    panel = open_account(page)
    panel.get_by_role("button", name="Add a passkey or security key").click()
    page.get_by_role("button", name="Continue").click()
    prove(page, person.code())
    page.get_by_role("button", name="Create the passkey").click()
    expect(panel).to_contain_text("Added: Passkey.")
    held = keys.send("WebAuthn.getCredentials", {"authenticatorId": made["authenticatorId"]})
    assert 1 == len(held["credentials"])
    page.keyboard.press("Escape")
    visitor.say("what is my salary")
    choice = card(page).get_by_role("button", name="Passkey", exact=False)
    if choice.count():
        choice.first.click()
    use = card(page).get_by_role("button", name="Use your passkey")
    if use.count() and use.is_visible():
        use.click()
    expect(page.locator(".message.bot").last).to_contain_text("gross")

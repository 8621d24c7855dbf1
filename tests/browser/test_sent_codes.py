"""Codes by e-mail and by text message, from the page to a real mail server and gateway and back."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from gatehouse.webhooks.signature import is_signed
from tests.browser.browsing import card
from tests.browser.conftest import Carriers, Visit
from tests.browser.test_account import open_account
from tests.browser.test_factors import prove
from tests.e2e.deployment import Deployment

CODE = re.compile(r"(\d{3}) ?(\d{3}) is your code")


def sent(carriers: Carriers, kind: str) -> list[str]:
    """The codes that arrived, each over TLS, and signed where that is not all there is."""
    if kind == "email":
        texts = carriers.mail.texts
        assert all(carriers.mail.inbox.over_tls)
    else:
        texts = []
        for headers, body in carriers.texts.got:
            message = json.loads(body)
            assert ("sms.send", "+4915112345678") == (message["type"], message["data"]["to"])
            at, said = int(headers["webhook-timestamp"]), headers["webhook-signature"]
            assert is_signed([carriers.key], headers["webhook-id"], at, body, said)
            texts.append(message["data"]["text"])
    return [found[1] + found[2] for text in texts if (found := CODE.search(text))]


def enter(page: Page, code: str) -> None:
    page.get_by_label(re.compile("6-digit code")).fill(code)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("kind", "asked_for", "address", "shown"),
    [
        ("email", "E-mail address", "a.tester@example.org", "a…@example.org"),
        ("sms", "Mobile number, with country code", "+49 151 12345678", "78"),
    ],
)
def test_codes_are_sent_set_up_used_and_removed(
    visit: Visit,
    deployment: Deployment,
    carriers: Carriers,
    kind: str,
    asked_for: str,
    address: str,
    shown: str,
) -> None:
    """Set up with another factor and the first code; then one is sent for a request, typed, and good once."""
    word = {"email": "e-mail", "sms": "text message"}[kind]
    person = deployment.person("employee")
    visitor = visit(person)
    page = visitor.sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name=f"Add codes by {word}").click()
    page.get_by_label(asked_for).fill(address)
    page.get_by_role("button", name="Continue").click()
    expect(card(page)).to_contain_text(address.replace(" ", ""))
    before = len(sent(carriers, kind))
    prove(page, person.code())
    expect(page.get_by_text("We sent a 6-digit code to")).to_contain_text(shown)
    (first,) = sent(carriers, kind)[before:]
    enter(page, f"{(int(first) + 1) % 10**6:06}")
    expect(page.get_by_text("That code was not right")).to_be_visible()
    enter(page, first)
    expect(panel).to_contain_text("Added: ")
    expect(panel).to_contain_text(shown)

    panel.get_by_role("button", name="Get a copy").click()
    choice = card(page).get_by_role("button", name=re.compile(f"^Code by {word}"))
    choice.click()
    page.get_by_role("button", name=re.compile("^Send a code to")).click()
    expect(card(page)).to_contain_text("A code is on its way to")
    (code,) = sent(carriers, kind)[before + 1 :]
    assert code != first
    card(page).get_by_role("button", name="Send it again").click()
    expect(card(page).get_by_role("alert")).not_to_be_empty()
    enter(page, code)
    expect(page.get_by_role("link", name="Download as JSON")).to_be_visible()
    page.get_by_role("button", name="I have seen this").first.click()

    panel = open_account(page)
    panel.get_by_role("button", name=re.compile("^Remove (E-mail|Phone number)")).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    card(page).get_by_role("button", name="Cancel").click()
    expect(panel.get_by_role("button", name=re.compile("^Remove "))).to_have_count(2)
    for place in (page.content(), deployment.log.read_text(errors="replace")):
        assert code not in place

"""A person's own password in the account panel, and the end of the session while the panel is open."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.browsing import card
from tests.browser.conftest import Visit
from tests.browser.test_account import open_account
from tests.browser.test_factors import prove
from tests.e2e.deployment import PASSWORD, Deployment

NEW = "copper kettle on the windowsill"


def test_a_password_is_changed_and_can_be_seen_while_it_is(
    visit: Visit, deployment: Deployment
) -> None:
    """With the keyboard alone: a wrong one is said, the card names the change, other browsers are out."""
    person = deployment.person("employee")
    page, other = visit(person).sign_in(), visit(person).sign_in()
    panel = open_account(page)
    panel.get_by_role("button", name="Change your password").press("Enter")
    expect(page.get_by_label("Password now")).to_be_focused()
    page.keyboard.type("not my password at all")
    page.keyboard.press("Tab")
    page.keyboard.type(NEW)
    chosen = page.get_by_label("New password")
    expect(chosen).to_have_attribute("type", "password")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(chosen).to_have_attribute("type", "text")
    chosen.press("Enter")
    expect(page.get_by_text("That is not your password.")).to_be_visible()
    page.get_by_label("Password now").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(card(page)).to_contain_text("approve: change your password")
    prove(page, person.code())
    expect(panel).to_contain_text("Your password is changed.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="About your sign-in")).to_contain_text("was changed")
    expect(other.get_by_label("User name")).to_be_visible()
    other.get_by_label("User name").fill(person.username)
    other.get_by_label("Password", exact=True).fill(NEW)
    other.keyboard.press("Enter")
    expect(other.get_by_label("Your message")).to_be_focused()


def test_the_end_of_the_session_is_said_in_the_panel(visit: Visit) -> None:
    """The warning can be reached there, and goes when what one does there keeps the session open."""
    visitor = visit()

    def soon(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "expires_in": 90})

    visitor.page.route("**/api/v1/session", soon)
    page = visitor.sign_in()
    panel = open_account(page)
    warning = panel.locator(".warning")
    expect(warning).to_contain_text("You will be signed out in 1:")
    expect(warning.get_by_role("button", name="Stay signed in")).to_be_enabled()
    page.unroute("**/api/v1/session")
    panel.get_by_role("button", name="Change your password").click()
    expect(warning).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("footer .warning")).to_have_count(1)

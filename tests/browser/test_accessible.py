"""WCAG 2.2 AA in every state and both themes, as axe-core sees it, and what it cannot see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import PHONE, card, composer
from tests.browser.conftest import Visit
from tests.browser.test_account import open_account
from tests.browser.test_factors import code_of, prove, scanned
from tests.e2e.deployment import Account, Deployment
from tests.needs import need

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FEATURES = pytest.mark.parametrize(
    ("theme", "size"), [("light", None), ("dark", PHONE)], ids=["light-desktop", "dark-phone"]
)


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker's source."""
    need(AXE.is_file(), "axe-core is not installed (npm install, in tests/browser)")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds on the page as it is now."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS
    )
    assert found["passes"]
    return [
        f"{item['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
        for item in found["violations"]
        for node in item["nodes"]
    ]


def options(theme: str, size: dict[str, int] | None) -> dict[str, Any]:
    return {"color_scheme": theme, **({"viewport": size} if size else {})}


@FEATURES
def test_every_state_is_without_violations(
    visit: Visit, employee: Account, axe: str, theme: str, size: dict[str, int] | None
) -> None:
    """Sign-in, its refusal, empty, answered, refused, buttons, card, wrong code, dialog, account, offline."""
    visitor = visit(**options(theme, size))
    page = visitor.open()
    states: dict[str, list[str]] = {}

    def look(state: str) -> None:
        states[state] = violations(page, axe)

    expect(page.get_by_label("User name")).to_be_visible()
    look("sign-in")
    page.get_by_label("User name").fill(employee.username)
    page.get_by_label("Password", exact=True).fill("not the password at all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    look("sign-in refused")
    visitor.sign_in()
    look("empty conversation")
    visitor.say("what does Marco Silva earn?")
    look("refused")
    visitor.say("I want to change my bank account")
    visitor.say("DE89 3704 0044 0532 0130 00")
    look("buttons")
    page.get_by_role("button", name="No").or_(
        page.get_by_role("button", name="Cancel")
    ).first.click()
    visitor.say("what is my salary")
    expect(card(page)).to_be_visible()
    look("card")
    page.get_by_label("6-digit code").fill(employee.wrong_code())
    page.keyboard.press("Enter")
    expect(card(page).get_by_role("alert")).not_to_be_empty()
    look("wrong code")
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()
    page.get_by_role("button", name="Clear conversation").click()
    look("dialog")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("Looking it up")).to_have_count(0)
    look("account")
    page.get_by_role("button", name="Sign out everywhere").click()
    look("account question")
    page.keyboard.press("Escape")
    visitor.context.set_offline(True)
    composer(page).fill("are you there")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    look("offline")
    assert {state: [] for state in states} == states
    assert 11 == len(states)


@FEATURES
def test_setting_up_an_authenticator_is_without_violations(
    visit: Visit, deployment: Deployment, axe: str, theme: str, size: dict[str, int] | None
) -> None:
    """Nothing set up, naming, ticket, QR code, recovery codes, done, notice, choice of ways."""
    person = deployment.person("employee", factor=False)
    visitor = visit(person, **options(theme, size))
    page = visitor.sign_in()
    states: dict[str, list[str]] = {}

    def look(state: str) -> None:
        states[state] = violations(page, axe)

    panel = open_account(page)
    expect(panel).to_contain_text("You have none yet")
    look("none yet")
    panel.get_by_role("button", name="Add an authenticator app").click()
    expect(page.get_by_label("A name that you will recognise")).to_be_visible()
    look("naming")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Enrolment ticket")).to_be_visible()
    look("ticket")
    prove(page, deployment.runtime.factors.tickets.issue(person.person.id))
    seed = scanned(page)
    look("QR code")
    page.get_by_label("6-digit code").fill(code_of(seed))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    look("recovery codes")
    page.get_by_role("button", name="I have kept them").click()
    expect(panel).to_contain_text("Added: Phone.")
    look("done")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="About your sign-in")).to_be_visible()
    look("notice")
    visitor.say("what is my salary")
    card(page).get_by_role("button", name="Recovery code").click()
    look("choice")
    assert {state: [] for state in states} == states
    assert 8 == len(states)


@FEATURES
def test_targets_are_large_enough(visit: Visit, theme: str, size: dict[str, int] | None) -> None:
    """Every control is at least 44 px high and wide, and nothing runs out of the window."""
    visitor = visit(**options(theme, size))
    page = visitor.sign_in()
    visitor.say("what is my salary")
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("Looking it up")).to_have_count(0)
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, a.download")]
          .filter((item) => item.checkVisibility())
          .map((item) => [item.textContent || item.id, item.getBoundingClientRect()])
          .filter(([, box]) => box.width < 44 || box.height < 44)
          .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""
    )
    assert [] == small
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_cut_off_in_a_narrow_window(visit: Visit) -> None:
    """At 320 px, which is 1280 px at 400 % (WCAG 1.4.10), nothing needs scrolling sideways."""
    visitor = visit(viewport={"width": 320, "height": 640})
    page = visitor.sign_in()
    visitor.say("what is my salary")
    fits = "[...document.querySelectorAll('*')].filter((item) => item.checkVisibility() &&"
    fits += " item.getBoundingClientRect().right > innerWidth + 1 && !item.closest('.unseen'))"
    fits += ".map((item) => item.outerHTML.slice(0, 80))"
    assert [] == page.evaluate(fits)
    title = page.get_by_role("heading", name="Gatehouse")
    cut = "item => item.clientWidth > 1 && item.scrollWidth > item.clientWidth"
    assert not title.evaluate(cut), "a name that is cut looks broken; the sign stands for it"
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("Looking it up")).to_have_count(0)
    assert [] == page.evaluate(fits)


def test_only_finished_messages_are_announced(visit: Visit) -> None:
    """The log is a polite live region that holds messages only; the typing dots are not in it."""
    page = visit().sign_in()
    log = page.get_by_role("log")
    expect(log).to_have_count(1)
    assert page.locator(".log .typing").count() == 0
    expect(page.locator(".typing")).to_have_attribute("aria-hidden", "true")
    assert page.locator("[aria-live=assertive]").count() == 0


def test_reduced_motion_stops_what_moves(visit: Visit) -> None:
    """Somebody who asked for less motion sees none."""
    page = visit(reduced_motion="reduce").sign_in()
    moving = page.evaluate("getComputedStyle(document.querySelector('.typing i')).animationName")
    assert "none" == moving
    page.emulate_media(reduced_motion="no-preference")
    moving = page.evaluate("getComputedStyle(document.querySelector('.typing i')).animationName")
    assert "none" != moving


def test_forced_colours_keep_the_edges(visit: Visit) -> None:
    """With forced colours a message still has a visible edge."""
    visitor = visit(forced_colors="active")
    page = visitor.sign_in()
    visitor.say("hello")
    width = page.evaluate(
        "getComputedStyle(document.querySelector('.message.person > p')).borderTopWidth"
    )
    assert "1px" == width

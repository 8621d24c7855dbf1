"""Reload, lost network, slow answers, two tabs: nothing is lost and nothing happens twice."""

from __future__ import annotations

import json
import re
import threading

import pytest
from playwright.sync_api import Route, expect

from tests.browser.browsing import card, composer, say
from tests.browser.conftest import Visit
from tests.e2e.deployment import PASSWORD, Account

MESSAGES = "**/api/v1/messages"


def test_reload_in_the_middle_of_a_step_up(visit: Visit, employee: Account) -> None:
    """After a reload the conversation is there, the card too, and its code still works."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say("what is my salary")
    page.reload()
    expect(page.locator(".message.person")).to_contain_text("what is my salary")
    expect(card(page)).to_be_visible()
    page.get_by_label("6-digit code").fill(employee.code())
    page.keyboard.press("Enter")
    expect(page.locator(".message.bot").last).to_contain_text("gross")


def test_a_lost_network_loses_nothing(visit: Visit) -> None:
    """What could not be sent stays on the page with "Retry", and is sent once."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.context.set_offline(True)
    expect(page.locator(".status")).to_contain_text("No connection")
    composer(page).fill("how many days of leave do I have left")
    page.keyboard.press("Enter")
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    visitor.context.set_offline(False)
    expect(page.locator(".status")).not_to_contain_text("No connection")
    retry.click()
    expect(page.locator(".message.bot")).to_have_count(1)
    expect(retry).to_be_hidden()
    page.reload()
    expect(page.locator(".message.person")).to_have_count(1)


def test_an_answer_lost_on_the_way_is_not_a_second_turn(visit: Visit) -> None:
    """The server answered, the answer got lost: "Retry" shows the same answer, one turn."""
    visitor = visit()
    page = visitor.sign_in()
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())
        route.abort()

    page.route(MESSAGES, lose_first)
    composer(page).fill("how many days of leave do I have left")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Retry").click()
    answer = page.locator(".message.bot")
    expect(answer).to_have_count(1)
    expect(answer).to_contain_text(json.loads(lost[0])["messages"][0]["text"].splitlines()[0])
    page.reload()
    expect(page.locator(".message.person")).to_have_count(1)
    expect(answer).to_have_count(1)


def test_the_input_stays_open_while_an_answer_takes_long(visit: Visit) -> None:
    """A slow answer shows the typing dots; a second message can be written and keeps its order."""
    visitor = visit()
    page = visitor.sign_in()
    page.clock.install()
    held: list[Route] = []
    page.route(MESSAGES, lambda route: route.continue_() if held else held.append(route))
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    expect(page.locator(".typing")).to_be_visible()
    expect(page.locator(".status")).to_contain_text("Answering")
    page.clock.fast_forward(9_000)
    expect(page.locator(".status")).to_contain_text("Still working on it")
    composer(page).fill("how many days of leave do I have left")
    page.keyboard.press("Enter")
    expect(page.locator(".message.person")).to_have_count(2)
    expect(page.locator(".message.bot")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".message.bot").last).to_contain_text(re.compile(r"\d"))
    expect(page.locator(".typing")).to_be_hidden()


def test_two_tabs_share_one_conversation(visit: Visit, employee: Account) -> None:
    """The second tab shows what was said in the first; a card answered in one is gone in both."""
    visitor = visit()
    first = visitor.sign_in()
    visitor.say("what is my salary")
    second = visitor.open(visitor.context.new_page())
    expect(second.locator(".message.person")).to_have_count(1)
    expect(card(second)).to_be_visible()
    second.get_by_label("6-digit code").fill(employee.code())
    second.keyboard.press("Enter")
    expect(second.locator(".message.bot").last).to_contain_text("gross")
    expect(card(first)).to_be_hidden()
    expect(first.locator(".message.bot").last).to_contain_text("gross")


def test_signing_out_in_one_tab_ends_the_other(visit: Visit) -> None:
    """The other tab goes back to the sign-in form by itself, and nothing of the conversation stays."""
    visitor = visit()
    first = visitor.sign_in()
    visitor.say("how many days of leave do I have left")
    second = visitor.open(visitor.context.new_page())
    expect(second.locator(".message.bot")).to_have_count(1)
    first.get_by_role("button", name="Sign out").click()
    expect(second.get_by_label("User name")).to_be_visible()
    expect(second.locator(".log")).to_have_count(0)


def test_what_is_said_in_one_tab_appears_in_the_other(visit: Visit) -> None:
    """Question, answer and clearing show up in the second tab without a reload."""
    visitor = visit()
    first = visitor.sign_in()
    second = visitor.open(visitor.context.new_page())
    expect(composer(second)).to_be_focused()
    visitor.say("how many days of leave do I have left")
    expect(second.locator(".message.person")).to_contain_text("days of leave")
    expect(second.locator(".message.bot")).to_have_count(1)
    expect(second.locator(".typing")).to_be_hidden()
    say(second, "hello")
    expect(first.locator(".message.bot")).to_have_count(2)
    second.get_by_role("button", name="Clear conversation").click()
    second.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
    expect(first.locator(".message")).to_have_count(0)
    expect(second.locator(".note")).to_contain_text("cleared")


@pytest.mark.parametrize("left", [90])
def test_the_end_of_a_session_is_announced_and_can_be_put_off(visit: Visit, left: int) -> None:
    """Shortly before the end a warning counts down; its button begins the idle time again."""
    visitor = visit()

    def soon(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "expires_in": left})

    page = visitor.page
    page.route("**/api/v1/session", soon)
    visitor.sign_in()
    warning = page.locator(".warning")
    expect(warning).to_contain_text("You will be signed out in 1:")
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning).to_be_hidden()


def test_a_sign_in_form_that_lost_its_cookie_recovers(visit: Visit, employee: Account) -> None:
    """A form whose cookie is gone, or was used by another tab, signs in all the same, as who is named."""
    visitor = visit()
    page = visitor.open()
    expect(page.get_by_label("User name")).to_be_focused()
    visitor.context.clear_cookies()
    page.get_by_label("User name").fill(employee.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    other = visitor.open(visitor.context.new_page())
    other.get_by_label("User name").fill(employee.username)
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.keyboard.press("Enter")
    expect(composer(other)).to_be_focused()
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused()
    expect(other.get_by_label("User name")).to_be_visible()


def test_another_tab_that_knocks_at_the_same_time_is_no_dead_end(
    visit: Visit, employee: Account
) -> None:
    """The door that a form was given may be replaced before it is used; the form knocks again."""
    visitor = visit()
    page = visitor.open()
    tried: list[Route] = []

    def refuse_twice(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        tried.append(route)
        if len(tried) < 3:
            other_door = {**route.request.headers, "x-csrf-token": "0" * 64}
            route.continue_(headers=other_door)
        else:
            route.continue_()

    page.route("**/api/v1/session", refuse_twice)
    page.get_by_label("User name").fill(employee.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused()
    assert 3 == len(tried)


def test_a_server_that_fails_is_said_in_words(visit: Visit) -> None:
    """A 503 leaves the message with "Retry" and the server's sentence, not a code."""
    visitor = visit()
    page = visitor.sign_in()
    body = {"error": {"code": "unavailable", "message": "I cannot answer right now."}}
    page.route(MESSAGES, lambda route: route.fulfill(status=503, json=body))
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    failed = page.locator(".failed")
    expect(failed).to_contain_text("I cannot answer right now.")
    expect(failed).not_to_contain_text("503")
    page.unroute(MESSAGES)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".message.bot")).to_have_count(1)


def test_messages_sent_in_a_hurry_keep_their_order(visit: Visit) -> None:
    """Messages typed faster than they are answered are answered one by one, in order."""
    visitor = visit()
    page = visitor.sign_in()
    seen: list[str] = []
    lock = threading.Lock()

    def note(route: Route) -> None:
        with lock:
            seen.append(json.loads(route.request.post_data or "{}")["text"])
        route.continue_()

    page.route(MESSAGES, note)
    texts = [f"hello {number}" for number in range(8)]
    for text in texts:
        composer(page).fill(text)
        page.keyboard.press("Enter")
    expect(page.locator(".typing")).to_be_hidden()
    assert texts == seen
    assert page.locator(".message.person").count() == len(texts)
    assert say(page, "how many days of leave do I have left")

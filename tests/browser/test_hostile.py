"""Text is text: whatever the assistant, or somebody who poses as it, puts into an answer."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.browsing import Watch, composer
from tests.browser.conftest import Visit

HOSTILE = {
    "image": '<img src=x onerror="window.pwned=1">',
    "script": "<script>window.pwned=1</script>",
    "svg": '<svg/onload="window.pwned=1">',
    "javascript link": "javascript:window.pwned=1 and [click](javascript:window.pwned=1)",
    "data link": "data:text/html,<script>window.pwned=1</script>",
    "credentials in a link": "https://bank.example@evil.example/ pay here",
    "frame": '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    "entity": "&lt;img src=x onerror=window.pwned=1&gt;",
    "template": "${window.pwned=1} {{constructor.constructor('window.pwned=1')()}}",
    "bidi": "safe\u202e\u2066\u2067 gpj.exe\u2069\u202c",
    "combining": "z" + "\u0351" * 500,
    "null": "a\u0000b\u001b[31mred",
}


def reply(text: str, **more: Any) -> dict[str, Any]:
    message = {"text": text, **more}
    return {"messages": [message], "challenge": None, "ended": False, "expires_in": 800}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_text_stays_text(visit: Visit, kind: str) -> None:
    """The text is shown as it is; no element, link or script comes of it."""
    visitor = visit()
    page = visitor.sign_in()
    page.route("**/api/v1/messages", lambda route: route.fulfill(json=reply(HOSTILE[kind])))
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    answer = page.locator(".message.bot")
    expect(answer).to_have_count(1)
    page.wait_for_timeout(50)
    assert page.evaluate("window.pwned") is None
    assert 0 == answer.locator("img, script, svg, iframe, object, form, a").count()
    assert HOSTILE[kind] in (answer.locator("p").text_content() or "")


def test_hostile_buttons_downloads_and_prompts(visit: Visit) -> None:
    """Titles are text, a download leads nowhere but to an export, and a prompt cannot hide words."""
    visitor = visit()
    page = visitor.sign_in()
    image = HOSTILE["image"]
    challenge = {
        "id": "c",
        "prompt": image,
        "expires_in": 200,
        "attempts_left": 3,
        "factors": ["totp"],
    }
    shown = reply(
        "choose",
        buttons=[{"id": "b1", "title": image}],
        download={"href": "javascript:window.pwned=1", "title": "Download"},
    )
    page.route(
        "**/api/v1/messages", lambda route: route.fulfill(json={**shown, "challenge": challenge})
    )
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=image)).to_be_visible()
    expect(page.locator(".card strong")).to_have_text(image)
    assert 0 == page.locator(".log a, .log img, .card img").count()
    assert page.evaluate("window.pwned") is None


def test_a_very_long_answer_does_not_break_the_page(visit: Visit) -> None:
    """Ten thousand characters without a space wrap; the composer stays in reach."""
    visitor = visit(viewport={"width": 360, "height": 640})
    page = visitor.sign_in()
    page.route("**/api/v1/messages", lambda route: route.fulfill(json=reply("x" * 10_000)))
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    expect(page.locator(".message.bot")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(composer(page)).to_be_in_viewport()


def test_only_https_and_mail_links_become_links(visit: Visit) -> None:
    """An https link opens apart, names its host and hands nothing over; http stays text."""
    visitor = visit()
    page = visitor.sign_in()
    text = "see https://intranet.example.org/leave?x=1 or mailto:hr@example.org not http://plain.example"
    page.route("**/api/v1/messages", lambda route: route.fulfill(json=reply(text)))
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    links = page.locator(".message.bot a")
    expect(links).to_have_count(2)
    expect(links.first).to_have_attribute("rel", "noopener noreferrer")
    expect(links.first).to_contain_text("intranet.example.org")
    assert ["https://intranet.example.org/leave?x=1", "mailto:hr@example.org"] == [
        link.get_attribute("href") for link in links.all()
    ]


def test_an_answer_that_is_no_json_is_said_politely(visit: Visit) -> None:
    """A proxy's error page in place of an answer is no answer; the message can be sent again."""
    visitor = visit()
    page = visitor.sign_in()

    def garbage(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<h1>Proxy error</h1>")

    page.route("**/api/v1/messages", garbage)
    composer(page).fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Proxy error")


def test_a_persons_own_markup_comes_back_as_text(visit: Visit) -> None:
    """What a person writes is shown to them as text, at once and from the history."""
    visitor = visit()
    page = visitor.sign_in()
    visitor.say(HOSTILE["image"])
    expect(page.locator(".message.person p")).to_have_text(HOSTILE["image"])
    page.reload()
    expect(page.locator(".message.person p")).to_have_text(HOSTILE["image"])
    assert page.evaluate("window.pwned") is None


def test_the_watch_sees_a_violation(visit: Visit, watch: Watch) -> None:
    """An inline script is stopped by the policy, and the watch over these tests notices it."""
    page = visit().sign_in()
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          try { script.text = "window.pwned = 1"; } catch { /* Trusted Types */ }
          document.head.append(script);
          const image = document.createElement("img");
          image.src = "https://elsewhere.example/x.png";
          document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    found = watch.collect()
    watch.forget()
    assert page.evaluate("window.pwned") is None
    assert any("require-trusted-types-for" in item for item in found)
    assert any("img-src" in item for item in found)

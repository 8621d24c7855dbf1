"""A short walk through the page as the desk's people take it, and what to ask of each stop.

Does it behave as wanted? Each stop waits for what should be there. How does it feel? Feedback comes
before the answer, the focus is where the next key goes, nothing jumps under the finger. Obvious
faults? `faults` looks for what anybody would see. With `GATEHOUSE_PICTURES` naming a folder every stop
leaves a picture there (`make walk`); docs/usability.md shows them.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Visitor, card, composer
from tests.browser.conftest import Visit
from tests.browser.test_account import open_account
from tests.e2e.deployment import Deployment
from tools.pictures import shrink

PICTURES = os.environ.get("GATEHOUSE_PICTURES")
GUIDE = Path(__file__).parents[2] / "docs" / "usability.md"
WALKS = {
    "desk": {"color_scheme": "light", "viewport": {"width": 1000, "height": 680}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 360, "height": 700}},
}
STOPS = (
    *("sign-in", "answer", "refusal", "confirm", "wrong-code", "confirmed", "choice"),
    *("account", "add", "scan", "erase", "offline"),
)
# Nothing of this may stand on a page that people read.
_GARBAGE = re.compile(
    r"undefined|NaN|\[object|\bnull\b|\{\w+\}|utter_|action_|/\w+\{|Traceback|Error:|&\w+;|<\w+>"
)
_MOVED = """
window.__moved = 0;
new PerformanceObserver((list) => {
  // A conversation moves up when it grows; nothing else may move.
  const talk = ({node}) => !node || (node.closest ? node : node.parentElement)?.closest(".log");
  for (const item of list.getEntries()) {
    if (!item.hadRecentInput && !item.sources.every(talk)) window.__moved += item.value;
  }
}).observe({type: "layout-shift", buffered: true});
"""
_FAULTS = """() => {
  const found = [];
  const say = (what, item) => found.push(`${what}: ${item.outerHTML.slice(0, 100)}`);
  for (const item of document.querySelectorAll("*")) {
    if (!item.checkVisibility() || item.closest(".unseen")) continue;
    const box = item.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) say("outside the window", item);
    const cut = item.scrollWidth > item.clientWidth + 1 && item.clientWidth > 0;
    if (cut && getComputedStyle(item).overflowX !== "visible") say("cut off", item);
  }
  for (const item of document.querySelectorAll("button, a")) {
    if (!item.checkVisibility()) continue;
    if (!(item.textContent.trim() || item.ariaLabel)) say("no name", item);
    if (item.matches("header button") && item.scrollHeight > 60) say("broken in two", item);
  }
  const blocks = [...document.querySelectorAll(".sheet-body > *, .log > *, .card form > *")];
  blocks.filter((item) => item.checkVisibility()).forEach((item, at, all) => {
    const next = all[at + 1];
    if (next?.parentNode !== item.parentNode) return;
    const low = item.getBoundingClientRect().bottom;
    if (low > next.getBoundingClientRect().top + 1) say("covers the next", item);
  });
  if (!document.hasFocus || document.activeElement === document.body) found.push("focus is lost");
  if (window.__moved > 0.1) found.push(`the page jumped: ${window.__moved}`);
  window.__moved = 0;
  return found;
}"""


def faults(page: Page) -> list[str]:
    """What anybody would see that is wrong with the page as it is now."""
    found: list[str] = page.evaluate(_FAULTS)
    text = page.locator("body").inner_text()
    return found + [f"garbage: {item}" for item in _GARBAGE.findall(text)]


class Walk:
    """One walk: says at each stop what is wrong, and leaves its picture when asked to."""

    def __init__(self, visitor: Visitor, name: str) -> None:
        self.visitor = visitor
        self.name = name
        self.stops: dict[str, list[str]] = {}

    def stop(self, name: str) -> None:
        page = self.visitor.page
        self.stops[name] = faults(page)
        if PICTURES:
            picture = page.screenshot(animations="disabled", caret="hide")
            path = Path(PICTURES) / f"{self.name}-{STOPS.index(name) + 1:02d}-{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(shrink(picture))


@pytest.fixture(scope="module")
def demo(deployment: Deployment) -> Callable[[str], tuple[str, str]]:
    """The password and the authenticator's seed of a demo account."""
    written = json.loads((deployment.home / "var" / "demo.json").read_text())

    def of(username: str) -> tuple[str, str]:
        return written["password"], written["totp"][username]

    return of


@pytest.mark.parametrize(("name", "username"), [("desk", "erin.walsh"), ("phone", "marco.silva")])
def test_the_walk(
    visit: Visit,
    deployment: Deployment,
    demo: Callable[[str], tuple[str, str]],
    name: str,
    username: str,
) -> None:
    """Twelve stops, none with an obvious fault; every one needs no more than a sentence and Enter."""
    password, seed = demo(username)
    person = deployment.runtime.directory.by_username(username)
    assert person is not None
    spare = deployment.runtime.recovery.issue(person.id)[0]
    visitor = visit(**WALKS[name])
    visitor.context.add_init_script(_MOVED)
    page = visitor.open()
    walk = Walk(visitor, name)
    expect(page.get_by_label("User name")).to_be_focused()
    page.get_by_label("User name").fill(username)
    walk.stop("sign-in")
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused()

    feels_alive(visitor, "How many days of leave do I have left?")
    walk.stop("answer")
    expect(visitor.say("What does Hanna Vogel earn?")).not_to_contain_text("€")
    walk.stop("refusal")
    visitor.say("Show me my payslip for last month")
    expect(page.get_by_label("6-digit code")).to_be_focused()
    walk.stop("confirm")
    page.keyboard.type(wrong(seed))
    page.keyboard.press("Enter")
    expect(card(page).get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("6-digit code")).to_be_focused()
    walk.stop("wrong-code")
    page.keyboard.type(pyotp.TOTP(seed).now())
    page.keyboard.press("Enter")
    expect(page.locator(".message.bot").last).to_contain_text("net €")
    expect(composer(page)).to_be_focused()
    walk.stop("confirmed")
    visitor.say("I want to take leave")
    expect(page.locator(".choices button:enabled").first).to_be_visible()
    walk.stop("choice")

    panel = open_account(page)
    walk.stop("account")
    panel.get_by_role("button", name="Add an authenticator app").click()
    expect(page.get_by_label("A name that you will recognise")).to_be_focused()
    walk.stop("add")
    page.keyboard.press("Enter")
    card(page).get_by_role("button", name="Recovery code").click()
    page.keyboard.type(spare)
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    walk.stop("scan")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Account")).to_be_focused()
    panel = open_account(page)
    panel.get_by_role("button", name="Erase everything").click()
    walk.stop("erase")
    page.keyboard.press("Escape")

    visitor.context.set_offline(True)
    composer(page).fill("Are you there?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator(".status")).to_contain_text("No connection")
    walk.stop("offline")
    visitor.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()
    assert {stop: [] for stop in walk.stops} == walk.stops


def feels_alive(visitor: Visitor, text: str) -> None:
    """The own words stand in the log and the dots move before the server has answered anything."""
    page = visitor.page
    held: list[Callable[[], None]] = []
    page.route("**/api/v1/messages", lambda route: held.append(route.continue_), times=1)
    composer(page).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".message.person").last).to_contain_text(text)
    expect(page.locator(".typing")).to_be_visible()
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_be_editable()
    while not held:
        page.wait_for_timeout(20)
    held[0]()
    expect(page.locator(".message.bot").last).to_be_visible()
    expect(page.locator(".typing")).to_be_hidden()


def wrong(seed: str) -> str:
    """Six digits that no step near now has."""
    now = int(time.time())
    near = {pyotp.TOTP(seed).at(now + 30 * step) for step in range(-4, 5)}
    return next(f"{n:06d}" for n in range(1_000_000) if f"{n:06d}" not in near)


def test_the_faults_are_found(visit: Visit) -> None:
    """A page with words cut off, a leftover placeholder, a lost focus and a jump is not called good."""
    visitor = visit()
    visitor.context.add_init_script(_MOVED)
    page = visitor.sign_in()
    assert [] == faults(page)
    page.evaluate(
        """() => {
          const note = document.createElement("p");
          note.textContent = "Hello {name}, you have undefined days";
          note.className = "note";
          document.querySelector(".log").append(note);
          document.activeElement.blur();
          const button = document.createElement("button");
          button.style.cssText = "position:fixed;left:-20px;top:50px";
          document.body.append(button);
        }"""
    )
    found = " ".join(faults(page))
    for word in ("{name}", "undefined", "focus is lost", "no name", "outside the window"):
        assert word in found, word


def test_the_guide_shows_every_stop_and_nothing_else() -> None:
    """docs/usability.md names each picture that lies beside it, one per stop and walk, all of them small."""
    named = set(re.findall(r"\((usability/[\w-]+\.png)\)", GUIDE.read_text(encoding="utf-8")))
    there = {f"usability/{path.name}" for path in (GUIDE.parent / "usability").glob("*.png")}
    assert there == named
    assert len(WALKS) * len(STOPS) == len(named)
    assert [] == [name for name in there if (GUIDE.parent / name).stat().st_size > 60_000]

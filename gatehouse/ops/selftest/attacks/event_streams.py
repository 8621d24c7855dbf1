"""Event streams and WebSockets that pages of other sites open with the cookies of a person."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.trial import Trial

EVENTS = "/api/v1/events"
UPGRADE: dict[str, Change] = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Origin": "https://attacker.example",
}


def attempt(trial: Trial) -> None:
    answer = trial.stranger().ask("GET", EVENTS, head_only=True)
    trial.refused(answer, "the event stream for a stranger", 401)
    browser = trial.person if trial.has_account else trial.stranger()
    for path in (EVENTS, "/socket.io/?EIO=4&transport=websocket", "/ws", "/"):
        answer = browser.ask("GET", path, change=UPGRADE, head_only=True)
        trial.hold(answer.status != 101, f"{path} opens a WebSocket for another site")
    if not trial.has_account:
        return
    for site in ("cross-site", "same-site"):
        answer = browser.ask("GET", EVENTS, change={"Sec-Fetch-Site": site}, head_only=True)
        trial.refused(answer, f"the event stream for a {site} page", 403)
    own = browser.ask("GET", EVENTS, head_only=True)
    trial.hold(
        own.status == 200 and "event-stream" in own.header("content-type"),
        f"the own event stream is answered {own.status}",
    )


ATTACK = Attack(
    id="event-streams",
    title="Open event streams and WebSockets from pages of other sites",
    stride=("S", "I"),
    asvs=("V4.4.2", "V3.5.8"),
    severity="high",
    expects="Refused; there is no WebSocket at all.",
    mend="Check Sec-Fetch-Site for event streams as for every request; mount no socket channel.",
    attempt=attempt,
)

"""Requests with the cookies and the CSRF token of a session, as a page of another site would send them."""

from __future__ import annotations

from urllib.parse import urlsplit

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    origin = trial.site.target.origin
    host = urlsplit(origin).netloc
    wrong: dict[str, dict[str, Change]] = {
        "of another site": {"Origin": "https://attacker.example"},
        "without an origin": {"Origin": None},
        "with the origin null": {"Origin": "null"},
        "over http": {"Origin": f"http://{host}"},
        "of another port": {"Origin": f"https://{urlsplit(origin).hostname}:1"},
        "of a site whose name begins alike": {"Origin": f"{origin}.attacker.example"},
        "of a site whose name ends alike": {"Origin": f"https://attacker-{host}"},
        "of a part of the site": {"Origin": f"https://sub.{host}"},
        "with two origins": {"Origin": (origin, "https://attacker.example")},
        "that the browser calls cross-site": {"Sec-Fetch-Site": "cross-site"},
        "that the browser calls same-site": {"Sec-Fetch-Site": "same-site"},
    }
    person = trial.person
    for how, change in wrong.items():
        body = {"id": new_id(), "text": "hello"}
        answer = person.ask("POST", "/api/v1/messages", body, change=change)
        trial.refused(answer, f"a message {how}", 403)
    for path in ("/api/v1/history", "/api/v1/session"):
        answer = person.ask("GET", path, change={"Sec-Fetch-Site": "cross-site"})
        trial.refused(answer, f"{path} read by a page of another site", 403)


ATTACK = Attack(
    id="foreign-origin",
    title="Send requests as pages of other sites would: other origins, none, names that look alike",
    stride=("S", "T"),
    asvs=("V3.5.1", "V3.5.3"),
    severity="high",
    expects="Refused (403) although cookie and CSRF token are right.",
    mend="Compare Origin exactly with the site's own, and heed Sec-Fetch-Site.",
    attempt=attempt,
    needs="account",
)

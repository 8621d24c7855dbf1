"""A session cookie that another browser shows, as somebody would who stole it."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial

OTHER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def attempt(trial: Trial) -> None:
    browser = trial.fresh()
    answer = browser.ask("GET", "/api/v1/session", change={"User-Agent": OTHER}, keep=False)
    trial.refused(answer, "a session cookie shown by another browser", 401)
    trial.refused(browser.ask("GET", "/api/v1/session"), "the session after that", 401)


ATTACK = Attack(
    id="stolen-cookie",
    title="Show a session cookie in another browser",
    stride=("S",),
    asvs=("V7.2.1",),
    severity="medium",
    expects="The session ends for both (401). Who imitates the browser is not found out.",
    mend="Bind the session to the browser that it was opened in.",
    attempt=attempt,
    needs="account",
)

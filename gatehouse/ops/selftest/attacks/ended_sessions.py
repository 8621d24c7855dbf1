"""A session that was signed out of, here or everywhere, must be over on the server too."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    for how, path in (("", "/api/v1/session"), ("everywhere", "/api/v1/sessions")):
        browser, second = trial.fresh(), trial.fresh()
        said = f"signing out {how}".strip()
        answer = browser.ask("DELETE", path, keep=False)
        trial.refused(answer, said, 204)
        trial.refused(browser.ask("GET", "/api/v1/session"), f"the session after {said}", 401)
        body = {"id": new_id(), "text": "hello"}
        late = browser.ask("POST", "/api/v1/messages", body)
        trial.refused(late, f"a message after {said}", 401)
        if how:
            other = second.ask("GET", "/api/v1/session")
            trial.refused(other, f"another session after {said}", 401)


ATTACK = Attack(
    id="ended-sessions",
    title="Go on with the cookie of a session that was signed out of, here or everywhere",
    stride=("S",),
    asvs=("V7.4.1", "V7.5.2"),
    severity="high",
    expects="The session is over at once (401), whoever kept its cookie.",
    mend="End the session on the server; taking the cookie away is not enough.",
    attempt=attempt,
    needs="account",
    order=40,
)

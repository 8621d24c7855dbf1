"""A sign-in that another page sends, to have somebody write what they mean for themselves into its account."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Change
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    given = {"username": account.username, "password": account.password}
    door = trial.stranger().at_the_door()
    wrong: dict[str, dict[str, Change]] = {
        "from another site": {**door, "Origin": "https://attacker.example"},
        "without an origin": {**door, "Origin": None},
        "without having loaded the form": {"X-CSRF-Token": None},
        "with a made-up token of the form": {"X-CSRF-Token": "0" * 64},
        "with the token of another browser's form": dict(door),
    }
    for how, change in wrong.items():
        browser = trial.stranger()
        answer = browser.ask("POST", "/api/v1/session", given, change=change)
        trial.refused(answer, f"a sign-in {how}", 403)
        if answer.status == 200:
            browser.csrf = str((answer.json or {}).get("csrf") or "")
            browser.sign_out()


ATTACK = Attack(
    id="login-csrf",
    title="Sign somebody in from another page, without the sign-in form",
    stride=("S",),
    asvs=("V3.5.1",),
    severity="medium",
    expects="Refused (403), with the right password too.",
    mend="Take a sign-in only from our own origin and with the token of the form's own browser.",
    attempt=attempt,
    needs="account",
)

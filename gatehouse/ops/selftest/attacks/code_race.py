"""One good code that is given many times at the same moment."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.browser import Reply
from gatehouse.ops.selftest.steps import asked, at_once
from gatehouse.ops.selftest.trial import Trial

TOGETHER = 8


def attempt(trial: Trial) -> None:
    site, browser = trial.site, trial.fresh()
    account = site.account
    assert account is not None
    for _ in range(2):  # the first code may have been used up by a run before
        challenge, code = asked(site, browser), account.code()
        path = f"/api/v1/challenges/{challenge.get('id')}"
        answers = at_once(
            TOGETHER,
            lambda _: browser.ask("POST", path, {"id": secrets.token_hex(12), "code": code}),  # noqa: B023
        )
        accepted = sum(Reply(answer).accepted for answer in answers)
        if accepted:
            trial.hold(accepted == 1, f"one code is accepted {accepted} times at once")
            return
    cannot("no code of the test account was accepted; is --totp-file its secret?")


ATTACK = Attack(
    id="code-race",
    title="Give one good code many times at the same moment",
    stride=("S", "E"),
    asvs=("V6.5.1", "V2.3.4", "V15.4.2"),
    severity="high",
    expects="It is accepted once.",
    mend="Use code and request up in one atomic update each.",
    attempt=attempt,
    needs="code",
    order=20,
)

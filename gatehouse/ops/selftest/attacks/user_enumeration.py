"""Whether a refused sign-in tells by its words which names exist."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer

SAME = ("content-type", "set-cookie", "www-authenticate", "retry-after", "location")


def attempt(trial: Trial) -> None:
    account = trial.site.account
    assert account is not None
    wrong = f"wrong {secrets.token_hex(8)}"
    known = _shown(trial.stranger().sign_in(account.username, wrong))
    for what, name in {
        "that nobody has": f"selftest-{secrets.token_hex(4)}",
        "that nobody can have": "no one, \u0130 nobody!",
    }.items():
        unknown = _shown(trial.stranger().sign_in(name, wrong))
        same = unknown == known
        trial.hold(same, f"a name {what} is refused in another way than one that somebody has")
    trial.fresh()  # a good sign-in forgets the failure


def _shown(answer: Answer) -> tuple[object, ...]:
    kept = [bool(answer.header(name)) for name in SAME]
    return answer.status, answer.code, answer.text, kept


ATTACK = Attack(
    id="user-enumeration",
    title="Learn from refused sign-ins which user names exist",
    stride=("I",),
    asvs=("V6.3.8",),
    severity="medium",
    expects="Status, words and headers are the same.",
    mend="One answer for every reason.",
    attempt=attempt,
    needs="account",
    order=45,
)

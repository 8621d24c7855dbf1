"""What a code confirmed is one request: neither the next one, nor another session."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.steps import MONEY, passed
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    site, browser, other = trial.site, trial.fresh(), trial.fresh()
    passed(site, browser)
    for who, where in ((browser, "in the same session"), (other, "in another session")):
        reply = who.say(site.words.sensitive)
        trial.hold(reply.challenge is not None, f"the next request {where} asks for no code")
        told = MONEY.search(reply.text)
        trial.hold(not told, f"the next request {where} is answered without a code")


ATTACK = Attack(
    id="grant-reuse",
    title="Make a second protected request on the strength of the first one's code",
    stride=("E",),
    asvs=("V7.5.3", "V2.3.1"),
    severity="high",
    expects="A request whose rule lets no earlier code count asks for one of its own.",
    mend="Bind a confirmation to one request, its values and its session, and use it up.",
    attempt=attempt,
    needs="code",
    order=21,
)

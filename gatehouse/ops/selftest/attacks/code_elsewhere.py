"""A request that waits for its code, answered or cancelled from another session."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.browser import Reply
from gatehouse.ops.selftest.steps import MONEY, asked
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    site, mine, other = trial.site, trial.fresh(), trial.fresh()
    challenge = asked(site, mine)
    account = site.account
    assert account is not None
    for code in (account.wrong_code(), "000000"):
        reply = Reply(other.give(challenge, code))
        left = reply.challenge
        trial.hold(left is None, "a code for a request of another session is looked at")
    path = f"/api/v1/challenges/{challenge.get('id')}"
    other.ask("DELETE", path)
    still = mine.ask("GET", "/api/v1/challenge")
    waiting = (still.json or {}).get("challenge") or {}
    trial.hold(waiting.get("id") == challenge.get("id"), "another session cancels a request")
    counted = waiting.get("attempts_left") == challenge.get("attempts_left")
    trial.hold(counted, "codes of another session use up the tries of a request")
    reply = Reply(other.give(challenge, account.code()))
    told = reply.accepted or MONEY.search(reply.text)
    trial.hold(not told, "a good code confirms a request of another session")
    trial.refused(
        trial.stranger().ask("POST", path, {"code": "000000"}), "a stranger's code", 401, 403
    )


ATTACK = Attack(
    id="code-elsewhere",
    title="Answer or cancel a waiting request from another session",
    stride=("S", "E"),
    asvs=("V6.6.2", "V8.2.2"),
    severity="high",
    expects="For any other session there is no such request.",
    mend="Look a request up by its id and by session and conversation.",
    attempt=attempt,
    needs="code",
    order=22,
)

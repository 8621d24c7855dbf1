"""The link to one's own data: used a second time, in another session, by a stranger, guessed."""

from __future__ import annotations

import secrets

from gatehouse.ops.selftest.attack import Attack, cannot
from gatehouse.ops.selftest.browser import Reply
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    site, mine, other = trial.site, trial.fresh(), trial.fresh()
    account = site.account
    assert account is not None
    guessed = f"/api/v1/exports/{secrets.token_urlsafe(32)}"
    trial.refused(mine.ask("GET", guessed), "a guessed link", 404)
    reply = mine.say("export my data")
    for _ in range(2):
        if reply.challenge is not None:
            reply = Reply(mine.give(reply.challenge, account.code()))
    if not reply.downloads:
        cannot("no download was offered for 'export my data'")
    link = reply.downloads[0]
    trial.refused(trial.stranger().ask("GET", link), "the link for a stranger", 401)
    trial.refused(other.ask("GET", link), "the link in another session", 404)
    first = mine.ask("GET", link)
    trial.refused(first, "the link, used once", 200)
    named = "attachment" in first.header("content-disposition")
    trial.hold(named, "the file is shown in the page instead of downloaded")
    trial.refused(mine.ask("GET", link), "the link, used again", 404)


ATTACK = Attack(
    id="download-link",
    title="Use the link to one's data twice, elsewhere, and guess one",
    stride=("I",),
    asvs=("V8.2.2", "V14.2.1"),
    severity="high",
    expects="Good once, in its own session; else there is nothing.",
    mend="Make links random, bound to the session, and use them up.",
    attempt=attempt,
    needs="code",
    order=23,
)

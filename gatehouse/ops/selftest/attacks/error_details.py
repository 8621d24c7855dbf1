"""What refusals and failures tell about the inside: traces, paths, queries, names of libraries."""

from __future__ import annotations

import re

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import Answer, Unreachable

LEAKS = re.compile(
    r"Traceback|File \"|site-packages|\.py\b|/usr/|/home/|/var/|sqlalchemy|sqlite3|psycopg|sanic"
    r"|rasa_sdk|\brasa\b|SELECT .+ FROM|\w+(?:Error|Exception)\b|Expecting|line \d+ column",
    re.IGNORECASE,
)


def attempt(trial: Trial) -> None:
    stranger = trial.stranger()
    door = stranger.at_the_door()
    answers: dict[str, Answer] = {}
    for what, body in {
        "no JSON": b"{",
        "JSON that is cut": b'{"username":"a","password":"b',
        "bytes that are no text": b"\xff\xfe\x00",
        "wrong types": b'{"username":{"a":1},"password":[]}',
        "no body": b"",
    }.items():
        answers[what] = stranger.ask("POST", "/api/v1/session", body=body, change=door)
    for what, path in {
        "an address with nothing": "/does/not/exist",
        "a broken escape": "/chat%",
        "an address that is no UTF-8": "/chat/%ff%fe",
        "a quote": "/api/v1/exports/'%22;--",
        "a NUL": "/api/v1/exports/a%00b",
    }.items():
        answers[what] = stranger.ask("GET", path)
    if trial.has_account:
        person = trial.person
        answers["an unknown request"] = person.ask(
            "POST", "/api/v1/challenges/'", {"code": "123456"}
        )
        answers["a wrong id"] = person.ask("POST", "/api/v1/messages", {"id": "'", "text": "x"})
        answers["a wrong code"] = person.ask("POST", "/api/v1/challenges/x", {"code": "'"})
    for what, sent in {
        "a broken request line": b"NONSENSE\r\n\r\n",
        "HTTP/9": _http9(trial),
    }.items():
        try:
            answers[what] = trial.site.raw(sent)
        except Unreachable:
            trial.hold(True, "")
    for what, answer in answers.items():
        leak = LEAKS.search(answer.text)
        trial.hold(leak is None, f"{what}: the answer shows {leak[0]!r}" if leak else "")
        trial.hold(answer.status != 500, f"{what}: the server fails (500)")
        json = answer.status < 400 or "json" in answer.header("content-type") or not answer.body
        trial.hold(json, f"{what}: the refusal is a page of the server's own")


def _http9(trial: Trial) -> bytes:
    return f"GET /chat HTTP/9.9\r\nHost: {trial.site.target.netloc}\r\n\r\n".encode()


ATTACK = Attack(
    id="error-details",
    title="Provoke errors and look for traces, paths and names of libraries in them",
    stride=("I",),
    asvs=("V16.5.1", "V13.4.2"),
    severity="medium",
    expects="One form of refusal, a sentence, nothing of the inside.",
    mend="Answer errors with a fixed sentence; log type and place only.",
    attempt=attempt,
)

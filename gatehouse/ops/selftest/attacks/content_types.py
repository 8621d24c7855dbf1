"""JSON under other content types, which a form or a script of another site can send without being asked."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import as_json, new_id
from gatehouse.ops.selftest.trial import Trial

TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/jsonp",
    "application/json; charset=utf-16",
    "application/xml",
    "*/*",
    None,
)


def attempt(trial: Trial) -> None:
    person = trial.person
    for kind in TYPES:
        body = as_json({"id": new_id(), "text": "hello"})
        answer = person.ask("POST", "/api/v1/messages", body=body, change={"Content-Type": kind})
        trial.refused(answer, f"JSON as {kind or 'no content type'}", 400, 415)


ATTACK = Attack(
    id="content-types",
    title="Send JSON as text, as a form, as XML, or without saying what it is",
    stride=("T",),
    asvs=("V3.5.1", "V4.1.1"),
    severity="medium",
    expects="Refused (415).",
    mend="Take application/json only.",
    attempt=attempt,
    needs="account",
)

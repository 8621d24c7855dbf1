"""JSON that two parsers read differently: repeated names, NaN, half characters, other encodings."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Attack
from gatehouse.ops.selftest.site import new_id
from gatehouse.ops.selftest.trial import Trial


def attempt(trial: Trial) -> None:
    person = trial.person
    bodies = {
        "a name given twice": '{"id":"ID","text":"hello","text":"goodbye"}',
        "an id given twice": '{"id":"ID","id":"IDx","text":"hello"}',
        "NaN": '{"id":"ID","text":NaN}',
        "a number for text": '{"id":"ID","text":1}',
        "null for text": '{"id":"ID","text":null}',
        "a list for text": '{"id":"ID","text":["hello"]}',
        "a list of messages": '[{"id":"ID","text":"hello"}]',
        "something after the object": '{"id":"ID","text":"hello"}{"x":1}',
        "a comment": '{"id":"ID","text":"hello"/* x */}',
        "single quotes": "{'id':'ID','text':'hello'}",
        "half of a character in the id": '{"id":"ID\\ud800","text":"hello"}',
    }
    for what, text in bodies.items():
        body = text.replace("ID", new_id()).encode()
        answer = person.ask("POST", "/api/v1/messages", body=body)
        trial.refused(answer, f"JSON with {what}", 400)
    plain = f'{{"id":"{new_id()}","text":"hello"}}'
    for encoding in ("utf-16", "utf-32"):
        answer = person.ask("POST", "/api/v1/messages", body=plain.encode(encoding))
        trial.refused(answer, f"JSON in {encoding}", 400)
    answer = person.ask("POST", "/api/v1/messages", body=b'{"id":"x\xff","text":"hello"}')
    trial.refused(answer, "bytes that are no UTF-8", 400)


ATTACK = Attack(
    id="ambiguous-json",
    title="Send JSON that parsers read differently: repeated names, NaN, wrong types, encodings",
    stride=("T",),
    asvs=("V1.5.3", "V2.2.1", "V15.3.5"),
    severity="medium",
    expects="Refused (400).",
    mend="Refuse repeated names, constants that are no JSON, and everything but UTF-8.",
    attempt=attempt,
    needs="account",
)

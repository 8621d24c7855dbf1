"""A day of conversation full of marked secrets, every logger at DEBUG: none of them is written down.

Searched are all of stdout and stderr and every file that the deployment leaves, for the secrets as
they are and in the encodings that programs put them into. A copy of what would have been logged
without the redaction shows that the search finds them where they are.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from tests.e2e.deployment import (
    PASSWORD,
    PROJECT,
    START_LIMIT,
    Account,
    Chat,
    Deployment,
    free_port,
)
from tests.patience import PATIENCE

DEBUG = {"GATEHOUSE_LOGS_LEVEL": "debug", "GATEHOUSE_LOGS_LIBRARIES": "debug"}


def marked(kind: str) -> str:
    """A secret that stands nowhere by chance."""
    return f"{kind}zq{secrets.token_hex(5)}"


def encodings(secret: str | bytes) -> set[bytes]:
    """`secret` as it is and as programs like to write it."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    if isinstance(secret, str):
        found |= {quote(secret, safe="").encode(), quote_plus(secret).encode()}
        found |= {json.dumps(secret)[1:-1].encode(), repr(secret)[1:-1].encode()}
    for shift in range(3):  # base64 of a longer text that holds it, wherever it begins
        # The characters at its edges also depend on its neighbours.
        inner = slice(-(-8 * shift // 6), 8 * (shift + len(raw)) // 6)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * shift + raw)[inner])
    return {item for item in found if len(item) >= 6}


def stands_in(item: bytes, content: bytes, *, code: bool) -> bool:
    """Whether `item` is in `content`; a code, six digits, only as a number of its own."""
    if not code:
        return item in content
    return re.search(rb"(?<![0-9A-Za-z])" + item + rb"(?![0-9A-Za-z])", content) is not None


@dataclass
class Secrets:
    """What must not be written down, by name."""

    known: dict[str, Any] = field(default_factory=dict)

    def __call__(self, kind: str) -> str:
        made: str = self.known.setdefault(kind, marked(kind))
        return made

    def add(self, kind: str, secret: Any) -> Any:
        self.known[kind] = secret
        return secret

    def found_in(self, content: bytes) -> set[str]:
        """The names of the secrets that stand in `content`, in any encoding."""
        return {
            kind
            for kind, secret in self.known.items()
            for item in encodings(secret)
            if stands_in(item, content, code=item.isdigit() and len(item) == 6)
        }


def left_behind(home: Path) -> Iterator[Path]:
    """Every file of a deployment but its inputs, its keys and what it keeps on purpose: the demo's
    system of record, which stands for another system, and the demo's own secrets."""
    for path in home.rglob("*"):
        inside = path.relative_to(home).as_posix()
        kept = ("var/records.db", "var/demo.json", "var/keys/", "var/tls/", "raw/", "models")
        if path.is_file() and not path.is_symlink() and not inside.startswith(kept):
            yield path


@contextmanager
def broken(database: Path, table: str) -> Iterator[None]:
    """`table` is away, as if its database were."""

    def rename(before: str, after: str) -> None:
        connection = sqlite3.connect(database, timeout=20)
        connection.execute(f"ALTER TABLE {before} RENAME TO {after}")
        connection.commit()
        connection.close()

    rename(table, f"{table}_away")
    try:
        yield
    finally:
        rename(f"{table}_away", table)


def try_anything(chat: Chat, path: str, **request: Any) -> httpx.Response:
    """A request that may be refused in whatever way, but is answered."""
    method = request.pop("method", "POST")
    return chat.http.request(method, f"/api/v1/{path}", **request)


def malformed(chat: Chat, secret: Secrets) -> None:
    """Everything that a confused or hostile client may send."""
    bad = secret("malformed")
    json_type = {"Content-Type": "application/json"}
    for request in (
        {"content": f'{{"id": "{bad}", "text": '.encode(), "headers": json_type},
        {"content": f'{{"{bad}": 1}}'.encode(), "headers": json_type},
        {"content": bad.encode() + b"\xff\xfe", "headers": json_type},
        {"content": bad.encode(), "headers": {"Content-Type": f"text/{bad}"}},
        {"json": {"id": bad, "text": {"a": bad}}},
        {"json": {"id": secrets.token_hex(12), "text": bad * 300}},
        {"json": {"id": secrets.token_hex(12), "text": bad}, "headers": {"X-CSRF-Token": bad}},
        {
            "json": {"id": secrets.token_hex(12), "text": bad},
            "headers": {"Origin": f"https://{bad}"},
        },
    ):
        assert try_anything(chat, "messages", **request).status_code >= 400
    for path in (bad, f"exports/{bad}", f"messages?token={bad}", f"challenges/{bad}"):
        try_anything(chat, path, method="GET", headers={"Referer": bad})
    try_anything(chat, f"challenges/{bad}", json={"code": "123456"})
    try_anything(chat, "buttons", json={"id": secrets.token_hex(12), "button": bad})
    stranger = chat.deployment.client()
    stranger.get("/chat", headers={"User-Agent": bad})
    stranger.get("/api/v1/session", headers={"Cookie": f"__Host-gatehouse={bad}"})
    stranger.get("/metrics", headers={"Authorization": f"Bearer {bad}"})


def a_day(account: Account, secret: Secrets) -> Chat:
    """Sign in, talk, be refused, approve, mistype, fill forms, take data along, and go."""
    deployment = account.deployment
    secret.add("username", account.username)
    secret.add("person", account.person.id)
    secret.add("password", PASSWORD)
    Chat(deployment).sign_in(account.username, secret("wrongpassword"))
    Chat(deployment).sign_in(secret("unknownname"), PASSWORD)
    chat = account.sign_in()
    secret.add("cookie", chat.http.cookies["__Host-gatehouse"])
    secret.add("device", chat.http.cookies["__Host-gatehouse-device"])
    secret.add("csrf", str(chat.http.headers["X-CSRF-Token"]))
    session = deployment.runtime.sessions.resolve(secret.known["cookie"])
    secret.add("conversation", session.conversation_id)
    chat.say(f"hello {secret('text')}, how are you")
    chat.say(f"I want to report a security incident about {secret('incident')}")
    chat.say(f"how many vacation days do I have left, {secret('question')}")
    chat.say(f"what does {secret('colleague')} earn?")
    chat.say(f'/inform{{"period": "{secret("entity")}"}}')
    chat.say("show me my payslip for last month")
    chat.give(secret.add("wrongcode", account.wrong_code()))
    chat.say(f"the code is {secret.add('code', account.code())}")
    recovery = deployment.runtime.recovery.issue(account.person.id)
    chat.say(secret.add("recovery", recovery[0]))
    chat.say(f"I keep {secret.add('recovery in words', recovery[1])} in my drawer")
    chat.say("I want to change my bank account")
    secret.add("slot", "DE89 3704 0044 0532 0130 00")
    secret.add("slotplain", "DE89370400440532013000")
    chat.say(secret.known["slot"])
    chat.press("no|cancel|stop")
    malformed(chat, secret)
    chat.say(f"how many vacation days do I have left, explode {secret('exploded')}")
    return chat


def take_along_and_erase(deployment: Deployment, secret: Secrets) -> None:
    """Two more people: one exports what is stored, one has it erased. (A code works once.)"""
    for words in ("export my data", "erase my data"):
        account = deployment.person("employee")
        chat = account.sign_in()
        chat.say(f"hello {secret(words)}")
        chat.say(words)
        if "yes" in json.dumps(chat.last).lower() and chat.challenge is None:
            chat.press("yes|erase")
        if chat.challenge:
            chat.give(secret.add(f"code to {words}", account.code()))
        if ticket := re.search(r"exports/([\w.:-]+)", json.dumps(chat.last)):
            secret.add(f"ticket of {words}", ticket[1])
            taken = chat.http.get(f"/api/v1/exports/{ticket[1]}")
            assert ("export" in words) == (secret.known[words] in taken.text)
    assert "ticket of export my data" in secret.known
    assert chat.last["ended"], chat.last


def break_things(chat: Chat, secret: Secrets) -> None:
    """Each database fails while people talk to it."""
    var = chat.deployment.home / "var"
    words = f"how many vacation days do I have left {secret('whilebroken')}"
    for database, table in (
        ("records.db", "hr_leave_request"),
        ("audit.db", "gh_audit"),
        ("gatehouse.db", "gh_records"),
        ("gatehouse.db", "gh_sessions"),
    ):
        if table not in tables_of(var / database):
            pytest.fail(f"there is no table {table} in {database} any more")
        with broken(var / database, table):
            try_anything(chat, "messages", json={"id": secrets.token_hex(12), "text": words})


def tables_of(database: Path) -> set[str]:
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows}
    finally:
        connection.close()


def keys_of(deployment: Deployment, secret: Secrets) -> None:
    """The deployment's own keys are secrets too."""
    for number, path in enumerate(sorted((deployment.home / "var" / "keys").rglob("*.key"))):
        secret.add(f"key file {number}", path.read_bytes().strip()[-24:])
    runtime = deployment.runtime
    for name in ("audit", "totp", "sessions", "directory", "step-up", "recovery-codes", "devices"):
        secret.add(f"key {name}", runtime.ring.service_key(name))
    for name, signing in (("assertions", runtime.assertion_keys), ("calls", runtime.call_keys)):
        secret.add(f"key {name}", signing.newest().secret)


@pytest.mark.parametrize("secret", ["quokka zanzibar/ü+", "abcdefgh", "abcdefghi", "abcdefghij"])
def test_the_search_knows_the_encodings(secret: str) -> None:
    """A secret inside a longer text is found in hex, base64, URL, JSON and Python form."""
    holder = Secrets({"it": secret})
    for before in ("", "x", "xy", "xyz"):
        text = f"{before}{secret}{before} and more"
        for written in (
            text,
            text.encode().hex(),
            base64.b64encode(text.encode()).decode(),
            base64.urlsafe_b64encode(text.encode()).decode(),
            quote(text, safe=""),
            quote_plus(text),
            json.dumps(text),
            repr(text),
        ):
            assert {"it"} == holder.found_in(b"... " + written.encode() + b" ..."), written
    assert set() == holder.found_in(b"quokka, abcdefg, and nothing else")


def test_no_secret_is_written_down_at_debug(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A whole day at DEBUG, with every error path, leaves none of its secrets in any file or
    stream; the log is there all the same, and without the redaction the secrets would be too."""
    home = tmp_path_factory.mktemp("logged")
    raw = home / "raw" / "raw.log"
    with Deployment(home, RAW_LOG=str(raw), GATEHOUSE_LOGS_FORMAT="json", **DEBUG) as deployment:
        raw.parent.mkdir()
        assert 0 == deployment.command("init", "--demo").returncode
        deployment.start(program=("tests.e2e.leaky", "gatehouse", "run"))
        account = deployment.person("employee")
        secret = Secrets()
        keys_of(deployment, secret)
        chat = a_day(account, secret)
        break_things(chat, secret)
        take_along_and_erase(deployment, secret)
        marks = [chat.http.get("/chat").headers["x-request-id"]]
        chat.http.delete("/api/v1/session")
        marks += request_ids_of_a_turn(account)
        deployment.stop()
        log = deployment.log.read_bytes()
        assert {} == leaks_of(home, secret)
        would = secret.found_in(raw.read_bytes())
        assert {"text", "incident", "slot", "exploded", "entity", "conversation"} <= would
    lines = [json.loads(line) for line in log.splitlines() if line.startswith(b"{")]
    loggers = {line["logger"].split(".")[0] for line in lines}
    assert {"rasa", "sqlalchemy", "sanic", "gatehouse"} <= loggers
    assert "an action failed" in {line["event"] for line in lines}
    assert any("RuntimeError at __main__" in line.get("error", "") for line in lines)
    assert b"Traceback" not in log
    in_lines = {line.get("request_id") for line in lines}
    assert set(marks) <= in_lines


@contextmanager
def launched(deployment: Deployment, *arguments: str, ready: str) -> Iterator[None]:
    """Rasa's own launcher with these arguments, once `ready` answers; its output is in a log."""
    with (deployment.home / f"{arguments[1]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.leaky", "rasa", *arguments],
            env={**deployment.environment, "PYTHONPATH": str(PROJECT)},
            cwd=deployment.home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + START_LIMIT
        while not answers(ready):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(Path(log.name).read_text(errors="replace")[-3000:])
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, verify=False).status_code < 500
    except httpx.TransportError:
        return False


def test_no_secret_is_written_down_under_rasas_own_launchers(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The same day under `rasa run --debug` beside `rasa run actions --debug`."""
    home = tmp_path_factory.mktemp("stock")
    raw, port = home / "raw" / "raw.log", free_port()
    environment = {**DEBUG, "LOG_LEVEL_LIBRARIES": "DEBUG", "RAW_LOG": str(raw)}
    with Deployment(home, **environment) as deployment:
        raw.parent.mkdir()
        assert 0 == deployment.command("init", "--demo").returncode
        endpoints = home / "endpoints.yml"
        endpoints.write_text(endpoints.read_text().replace(":5055/", f":{port}/"))
        secret = Secrets()
        keys_of(deployment, secret)
        certificate = "var/tls/server.pem"
        tls = ("--ssl-certificate", certificate, "--ssl-keyfile", certificate)
        actions = ("run", "actions", "--debug", "--port", str(port))
        channel = ("run", "--debug", *tls, "-i", "127.0.0.1", "-p", str(deployment.port))
        with (
            launched(deployment, *actions, ready=f"http://127.0.0.1:{port}/health"),
            launched(deployment, *channel, ready=f"{deployment.origin}/chat"),
        ):
            account = deployment.person("employee")
            a_day(account, secret).http.delete("/api/v1/session")
            marks = set(request_ids_of_a_turn(account))
            assert "ready" == deployment.client().get("/readyz").text
        leaks = leaks_of(home, secret)
        assert {} == leaks
        would = secret.found_in(raw.read_bytes())
        assert {"text", "incident", "slot", "exploded", "conversation"} <= would
        logs = {name: (home / name).read_text("utf-8") for name in ("actions.log", "--debug.log")}
        assert [] == [name for name, log in logs.items() if "Traceback" in log]
        assert marks <= set(re.findall(r"request_id=(\w+)", logs["--debug.log"]))
        failed = re.search(r"an action failed.* request_id=(\w+)", logs["actions.log"])
        assert failed and failed[1] in logs["--debug.log"]


def leaks_of(home: Path, secret: Secrets) -> dict[str, set[str]]:
    """Which secrets stand in which files. The directory of people is in the main database."""
    found = {
        path.relative_to(home).as_posix(): secret.found_in(path.read_bytes())
        for path in left_behind(home)
    }
    assert {"var/gatehouse.db", "var/audit.db"} <= found.keys()
    for name in [name for name in found if name.startswith("var/gatehouse.db")]:
        found[name] -= {"username", "person"}
    return {name: secrets for name, secrets in found.items() if secrets}


def request_ids_of_a_turn(account: Account) -> list[str]:
    """The id in an answer, once it is found in the audit entries of that turn."""
    chat = account.sign_in()
    body = {"id": secrets.token_hex(12), "text": "how many vacation days do I have left"}
    answer = chat.http.post("/api/v1/messages", json=body)
    made = answer.headers["x-request-id"]
    entries = account.deployment.audit_entries()
    stages = [entry["stage"] for entry in entries if entry.get("request_id") == made]
    assert ["intent", "resource"] == stages
    return [made]

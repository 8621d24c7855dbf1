"""A separate action server: Rasa's own launchers, apart from each other, as safe as in one process."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatehouse.dialogue.action_server import MOST_BODY
from gatehouse.dialogue.admissions import digest_of
from gatehouse.identity import METADATA_KEY
from gatehouse.identity.calls import Call
from tests.e2e.deployment import Account, Deployment, free_port
from tests.forgeries import CONVERSATION, FORGERIES, INTENT, NAMES, WORDS, Forger
from tests.patience import PATIENCE

CERTIFICATE = "var/tls/server.pem"


class Apart(Deployment):
    """A deployment whose actions run in a process of their own, both under Rasa's launchers."""

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**self.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        with (self.home / f"{arguments[-1]}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "rasa", *arguments],
                env=environment,
                cwd=self.home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, url: str, process: subprocess.Popen[bytes], **options: Any) -> None:
        for _ in range(400):
            try:
                if httpx.get(url, timeout=5, **options).status_code < 500:
                    return
            except httpx.TransportError:
                pass
            logs = "\n".join(log.read_text()[-3000:] for log in self.home.glob("*.log"))
            assert process.poll() is None, logs
            time.sleep(0.2)
        raise AssertionError(f"nothing answered at {url}")


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """An initialised deployment; each process is started by who needs it."""
    with Apart(tmp_path_factory.mktemp("apart")) as deployment:
        assert 0 == deployment.command("init", "--demo").returncode
        yield deployment


@pytest.fixture(scope="module")
def url(apart: Apart) -> Iterator[str]:
    """`rasa run actions` of the deployment."""
    port = free_port()
    process = apart.launch("run", "actions", "--port", str(port))
    try:
        apart.wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


@pytest.fixture(scope="module")
def account(apart: Apart) -> Account:
    return apart.person("employee")


@pytest.fixture
def forger(apart: Apart, account: Account) -> Forger:
    person = {
        "person_id": account.person.id,
        "roles": account.person.roles,
        "employee_id": account.person.employee_id,
        "employment_type": account.person.employment_type,
    }
    return Forger(apart.runtime.issuer.keys, time.time(), person)


def body_of(
    token: object, action: str = "action_view_leave_balance", intent: str = INTENT
) -> bytes:
    """A call as Rasa makes it."""
    message = {
        "text": WORDS,
        "intent": {"name": intent, "confidence": 1.0},
        "entities": [],
        "metadata": {METADATA_KEY: token},
    }
    tracker = {
        "sender_id": CONVERSATION,
        "slots": {},
        "latest_message": message,
        "events": [],
        "paused": False,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    call = {"next_action": action, "sender_id": CONVERSATION, "tracker": tracker, "domain": {}}
    return json.dumps(call).encode()


def headers_for(
    apart: Apart, body: bytes, intent: str = INTENT, encoding: str = "", path: str = "/webhook"
) -> dict[str, str]:
    """The signature that the Rasa server of this deployment would put on `body`."""
    call = Call("POST", path, encoding, body)
    signed = apart.runtime.caller.sign(call, digest_of(intent, []))
    return {**signed, "Content-Type": "application/json", "Content-Encoding": encoding}


def post(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    sent = {name: value for name, value in headers.items() if value}
    return httpx.post(f"{url}/webhook", content=body, headers=sent, timeout=PATIENCE)


def responses(answer: httpx.Response) -> list[str]:
    assert 200 == answer.status_code, answer.text
    return [one.get("response") or one.get("text") or "" for one in answer.json()["responses"]]


def reasons(apart: Apart, kind: str = "assertion_refused") -> list[str]:
    return [entry["reason"] for entry in apart.audit_entries() if entry["kind"] == kind]


def test_a_chat_goes_on_with_its_actions_in_another_process(
    apart: Apart, url: str, account: Account
) -> None:
    """Stock `rasa run` beside stock `rasa run actions`: answers, and asks for its code, as ever."""
    endpoints = apart.home / "endpoints.yml"
    endpoints.write_text(
        endpoints.read_text().replace("http://127.0.0.1:5055/webhook", f"{url}/webhook")
    )
    tls = ("--ssl-certificate", CERTIFICATE, "--ssl-keyfile", CERTIFICATE)
    process = apart.launch("run", *tls, "-i", "127.0.0.1", "-p", str(apart.port))
    try:
        authority = str(apart.home / "var" / "tls" / "authority.pem")
        context = ssl.create_default_context(cafile=authority)
        apart.wait_for(f"{apart.origin}/chat", process, verify=context)
        chat = account.sign_in()
        assert "day" in chat.say("How many days of leave do I have left?")
        assert "code" in chat.say("show me my payslip for May 2026")
        assert "Your payslip for May 2026" in chat.give(account.code())
    finally:
        end(process)


def test_an_unsigned_call_is_refused(apart: Apart, url: str, forger: Forger) -> None:
    """Whoever is not the Rasa server of this deployment gets nothing, not even with a genuine
    assertion; the log says so."""
    answer = post(url, body_of(forger.issue()), {"Content-Type": "application/json"})
    assert (403, {"error": "refused"}) == (answer.status_code, answer.json())
    assert "unsigned" in reasons(apart, "call_refused")


def test_a_flood_of_refused_calls_does_not_flood_the_log(apart: Apart, url: str) -> None:
    """Within a minute one entry per reason is written; the next one says how many there were."""
    for _ in range(30):
        post(url, b"{}", {"Content-Type": "application/json"})
    assert reasons(apart, "call_refused").count("unsigned") <= 2


def test_a_call_works_once_and_unchanged(apart: Apart, url: str, forger: Forger) -> None:
    """What was recorded on the way can be neither repeated nor edited."""
    body = body_of(forger.issue())
    headers = headers_for(apart, body)
    first, again = post(url, body, headers), post(url, body, headers)
    edited = post(url, body.replace(b"leave_balance", b"salary"), headers_for(apart, body))
    assert [200, 403, 403] == [one.status_code for one in (first, again, edited)]
    assert {"replayed", "signature"} <= set(reasons(apart, "call_refused"))


@pytest.mark.parametrize(("name", "reason", "forge"), FORGERIES, ids=NAMES)
def test_forged_assertion_is_refused(
    name: str, reason: str, forge: Any, apart: Apart, url: str, forger: Forger
) -> None:
    """Also in a signed call: a forged assertion moves no action, and the log says why."""
    body = body_of(forge(forger))
    before = reasons(apart)
    answer = post(url, body, headers_for(apart, body))
    assert ["utter_refused_not_signed_in"] == responses(answer)
    assert [reason] == reasons(apart)[len(before) :]


def test_assertion_of_another_conversation_is_refused(
    apart: Apart, url: str, forger: Forger
) -> None:
    """A genuine assertion does not work in another conversation."""
    body = body_of(forger.issue(conversation_id="d" * 32))
    assert ["utter_refused_not_signed_in"] == responses(post(url, body, headers_for(apart, body)))


def test_what_was_not_let_through_does_not_run(apart: Apart, url: str, forger: Forger) -> None:
    """An intent other than the one that the dialogue policy decided on moves no action."""
    body = body_of(forger.issue(), "action_view_salary", "view_salary")
    answer = post(url, body, headers_for(apart, body, INTENT))
    assert ["utter_refused_not_signed_in"] == responses(answer)
    assert "not_admitted" == reasons(apart)[-1]


def test_genuine_assertion_is_answered(apart: Apart, url: str, forger: Forger) -> None:
    """The same call with everything in order is answered, under a signature of its own."""
    body = body_of(forger.issue())
    headers = headers_for(apart, body)
    answer = post(url, body, headers)
    assert any("day" in text for text in responses(answer))
    signature = answer.headers["x-gatehouse-signature"]
    apart.runtime.caller.check_answer(headers, 200, answer.content, signature)


def test_genuine_assertion_does_not_replace_the_code(
    apart: Apart, url: str, forger: Forger
) -> None:
    """A salary asked for directly at the action server still needs its code."""
    body = body_of(forger.issue(), "action_view_salary", "view_salary")
    answer = post(url, body, headers_for(apart, body, "view_salary"))
    assert all("gross" not in text for text in responses(answer))


def test_role_is_checked_at_the_action_too(apart: Apart, url: str, forger: Forger) -> None:
    """An employee who calls a manager's action directly is refused by the rules."""
    body = body_of(forger.issue(), "action_view_team_leave", "view_team_leave")
    answer = post(url, body, headers_for(apart, body, "view_team_leave"))
    assert [True] == [text.startswith("utter_refused_") for text in responses(answer)]


def test_a_compressed_call_is_bounded(apart: Apart, url: str, forger: Forger) -> None:
    """A small body that inflates without end is refused; a compressed call is answered."""
    bomb = zlib.compress(b" " * (MOST_BODY + 1))
    good = zlib.compress(body_of(forger.issue()))
    cut = zlib.compress(b"{}")[:-3]
    answers = [
        post(url, body, headers_for(apart, body, encoding="deflate")) for body in (bomb, cut)
    ]
    assert [400, 400] == [answer.status_code for answer in answers]
    assert 200 == post(url, good, headers_for(apart, good, encoding="deflate")).status_code


def test_a_huge_call_is_refused(url: str) -> None:
    """By its declared size, before it is read."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(
            f"POST /webhook HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {MOST_BODY + 1}\r\n\r\n{{}}".encode()
        )
        status = connection.recv(4096).split(b"\r\n")[0]
    assert status in (b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 413 Request Entity Too Large")


def test_errors_do_not_quote_the_call(apart: Apart, url: str) -> None:
    """rasa-sdk answers a failure with the whole request; here nobody learns anything."""
    marker = f"marker-{secrets.token_hex(8)}"
    for body in (f'{{"next_action": "{marker}"'.encode(), json.dumps([marker]).encode()):
        answer = post(url, body, headers_for(apart, body))
        assert answer.status_code >= 400
        assert marker not in answer.text
    log = Path(apart.home / "actions.log")
    logs = "".join(one.read_text() for one in apart.home.glob("*.log"))
    assert marker not in logs, log


@pytest.mark.parametrize(("method", "path"), [("GET", "/actions"), ("OPTIONS", "/webhook")])
def test_nothing_else_is_told_to_strangers(url: str, method: str, path: str) -> None:
    """The list of actions needs a signature too, and no other site is allowed anything."""
    answer = httpx.request(method, url + path, headers={"Origin": "https://example.org"})
    assert 403 == answer.status_code
    assert [] == [name for name in answer.headers if name.startswith("access-control")]

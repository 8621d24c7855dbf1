"""The running server against its own description: schemathesis, signed in and not.

Generated requests, good and bad, to every endpoint: no failure of the server, no status, content type
or body that the description does not give.
"""

from __future__ import annotations

import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import gatehouse.channel
from gatehouse.identity.front_ends import SCOPES, PublicKey
from tests.e2e.deployment import Deployment
from tests.front_end import Caller, SigningFrontEnd
from tests.needs import need
from tests.outside.signing_gateway import SigningGateway

pytestmark = pytest.mark.outside

DESCRIPTION = Path(gatehouse.channel.__file__).parent / "openapi.yml"
PROGRAM = Path(__file__).parents[2] / ".venv-tools" / "bin" / "schemathesis"
SECONDS = 40
# Sent once, these end the session that the others need; their own tests send them.
ENDING = ("signOut", "endSession", "endSessions", "signIn")
# Their answers would replace the token that the gateway signs with, or end it.
OF_TOKENS = (*ENDING, "renewToken", "endFrontEnd")
# Three would need to know which of the generated bodies are meaningful; the last one takes "too many
# requests" for consent to a missing header.
UNDECIDED = (
    *("unsupported_method", "positive_data_acceptance", "negative_data_rejection"),
    "missing_required_header",
)
MANY = {
    f"GATEHOUSE_LIMITS_{name}": "10000"
    for name in (
        *("REQUESTS_PER_MINUTE", "STRANGERS_PER_MINUTE", "STRANGERS_PER_SECOND"),
        *("MESSAGES_PER_MINUTE", "SIGN_INS_PER_MINUTE"),
    )
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("api") / "home", **MANY) as deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.start("--demo")


def asked(desk: Deployment, *more: str) -> str:
    """What schemathesis says as a browser on our own page; fails when it found something."""
    return told(
        *("--url", f"{desk.origin}/api/v1"),
        *("--tls-verify", str(desk.home / "var" / "tls" / "authority.pem")),
        *("-H", f"Origin: {desk.origin}", "-H", "Sec-Fetch-Site: same-origin"),
        *more,
    )


def told(*more: str) -> str:
    need(PROGRAM.is_file(), "schemathesis is not installed (make tools)")
    run = subprocess.run(
        [
            *(str(PROGRAM), "run", str(DESCRIPTION)),
            *("--phases", "examples,coverage,fuzzing", "--max-time", str(SECONDS)),
            *("--request-timeout", "20", "--continue-on-failure", "--no-color"),
            # A stream stays open; its own tests read it.
            *("--exclude-operation-id", "events"),
            *("--exclude-checks", ",".join(UNDECIDED)),
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS * 5,
        check=False,
    )
    assert 0 == run.returncode, run.stdout[-6000:] + run.stderr[-1000:]
    return run.stdout


def test_strangers_meet_only_described_answers(desk: Deployment) -> None:
    """Without a session: every endpoint, at least a thousand requests."""
    said = asked(desk)
    assert int(re.findall(r"(\d+) generated", said)[0]) > 1000


def test_signed_in_people_meet_only_described_answers(desk: Deployment) -> None:
    """With a session that is good to the end: answers, refusals, and no failure of the server."""
    chat = desk.person("employee").sign_in()
    cookies = "; ".join(f"{item.name}={item.value}" for item in chat.http.cookies.jar)
    said = asked(
        desk,
        *("-H", f"Cookie: {cookies}", "-H", f"X-CSRF-Token: {chat.http.headers['X-CSRF-Token']}"),
        *("-H", f"User-Agent: {chat.http.headers['User-Agent']}"),
        *(word for name in ENDING for word in ("--exclude-operation-id", name)),
    )
    assert int(re.findall(r"(\d+) generated", said)[0]) > 500
    unknown = re.findall(r"401 Unauthorized \((\d+) operation", said)
    assert ["1"] == unknown, "all but the webhooks of other systems know who asks"
    assert 200 == chat.http.get("/api/v1/session").status_code


def test_front_ends_meet_only_described_answers(desk: Deployment) -> None:
    """With an access token and a fresh proof for each request: no failure, nothing undescribed."""
    account, signer = desk.person("employee"), SigningFrontEnd(time.time)
    made = desk.runtime.front_ends.register(
        account.person.id, "Scanner", "scanner.example.org", list(SCOPES), PublicKey.of(signer.jwk),
        3600,
    )  # fmt: skip
    signer.id, signer.domain = made.id, made.domain
    tls = ssl.create_default_context(cafile=str(desk.home / "var" / "tls" / "authority.pem"))
    with httpx.Client(base_url=desk.origin, verify=tls, timeout=40) as http:
        caller = Caller(http, desk.origin, signer)
        answer = caller.sign_in(account.code(), scopes=list(SCOPES))
        assert 200 == answer.status_code, answer.text
        with SigningGateway(caller) as gateway:
            said = told(
                *("--url", f"{gateway.address}/api/v1"),
                # A proof is added to whatever has none.
                *("--exclude-checks", ",".join((*UNDECIDED, "ignored_auth"))),
                *(word for name in OF_TOKENS for word in ("--exclude-operation-id", name)),
            )
        assert int(re.findall(r"(\d+) generated", said)[0]) > 500
        assert 200 == caller.send("GET", "/api/v1/session").status_code

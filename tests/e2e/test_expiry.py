"""Conversations die on time, at their end, and do not come back from a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.tracker.receipts import verify
from tests.e2e.deployment import Deployment
from tests.patience import until

TTL = 6


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose conversations live a few seconds."""
    home = tmp_path_factory.mktemp("short")
    settings = {
        "GATEHOUSE_RETENTION_TTL": f"{TTL}s",
        "GATEHOUSE_RETENTION_PURGE_INTERVAL": "1s",
    }
    with Deployment(home, **settings) as deployment:
        assert 0 == deployment.command("init", "--demo").returncode
        yield deployment.start()


def copy_of_data(deployment: Deployment, target: Path) -> None:
    """What a backup holds: every file of `var/` but the key root."""
    shutil.copytree(
        deployment.home / "var", target, ignore=lambda _, names: [n for n in names if "root" in n]
    )


def test_conversation_expires_and_no_copy_brings_it_back(
    short_lived: Deployment, tmp_path: Path
) -> None:
    """An expired conversation is gone from the chat, and databases and ring put back from a copy made
    while it lived do not open it again."""
    chat = short_lived.person("employee").sign_in()

    def alive() -> bool:
        chat.say("hello")  # a slow machine may need longer than its life to show it
        return "hello" in chat.http.get("/api/v1/history").text

    until(alive)
    copy_of_data(short_lived, tmp_path / "backup")
    until(lambda: "hello" not in chat.http.get("/api/v1/history").text)
    until(lambda: short_lived.runtime.purge().conversations == 0)
    short_lived.stop()
    for name in ("gatehouse.db", "gatehouse.db-wal", "keys/ring.db", "keys/ring.db-wal"):
        source, target = tmp_path / "backup" / name, short_lived.home / "var" / name
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copy(source, target)
    (short_lived.home / "server.log").unlink()
    try:
        short_lived.start()
        assert "hello" not in chat.http.get("/api/v1/history").text
    except pytest.fail.Exception:
        # A ring that no longer opens may also refuse to start; it must not start anew by itself.
        log = (short_lived.home / "server.log").read_text()
        assert "error:" in log
        assert "Traceback" not in log


def test_ended_conversation_is_gone_at_once(deployment: Deployment) -> None:
    """After "end the conversation" its history is empty and the chat goes on in a new one."""
    chat = deployment.person("employee").sign_in()
    chat.say("hello")
    chat.say("end the conversation")
    assert chat.last["ended"]
    history = chat.http.get("/api/v1/history").json()["messages"]
    assert [] == history
    assert chat.say("hello")


def test_erasure_covers_every_conversation_of_the_person(deployment: Deployment) -> None:
    """ "Erase my data", approved with a code, ends the person's other conversations and sessions, and
    hands out a receipt that verifies."""
    account = deployment.person("employee")
    other = account.sign_in()
    other.say("hello")
    chat = account.sign_in()
    chat.say("erase everything you store about me")
    assert chat.challenge is not None
    chat.give(account.code())
    assert chat.last["ended"]
    assert 401 == other.http.get("/api/v1/history").status_code
    receipt = chat.http.get(chat.last["messages"][-1]["download"]["href"]).json()
    verify(receipt, deployment.runtime.receipts.public_key)
    assert (2, 1) == (receipt["erased"]["conversations"], receipt["erased"]["sessions"])
    assert account.username not in str(receipt)

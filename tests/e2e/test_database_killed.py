"""The database dies in the middle of a conversation, which is intact when the database is back."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.deployment import Chat, Deployment
from tests.patience import PATIENCE
from tests.postgres import OwnServer


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OwnServer]:
    with OwnServer() as server:
        yield server


def refused(chat: Chat, text: str) -> httpx.Response:
    answer = chat.http.post("/api/v1/messages", json={"id": f"m-{time.time_ns()}", "text": text})
    assert 503 == answer.status_code, answer.text
    assert "Traceback" not in answer.text and "psycopg2" not in answer.text
    assert "unavailable" == answer.json()["error"]["code"]
    assert "cannot answer right now" in answer.json()["error"]["message"]
    return answer


def test_a_killed_database_loses_no_turn(database: OwnServer, tmp_path: Path) -> None:
    """PostgreSQL gets SIGKILL while a form waits for an answer, twice: each message is refused with
    a polite sentence, the refusal is recorded, and once the database is back the form goes on
    where it was, with every acknowledged message in the history. The event broker of endpoints.yml
    hears of the events and of nothing that was said."""
    home = tmp_path / "home"
    with Deployment(home, GATEHOUSE_DATABASE_URL_FILE="url") as deployment:
        (home / "url").write_text(database.url, encoding="utf-8")
        published = tmp_path / "published"
        with (home / "endpoints.yml").open("a", encoding="utf-8") as endpoints:
            endpoints.write(f"\nevent_broker: {{type: SQL, dialect: sqlite, db: '{published}'}}\n")
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        deployment.start("--demo")
        chat = deployment.person("employee").sign_in()
        chat.say("hello zanzibarquokka")
        chat.say("i want to report a security incident")
        asked = chat.text
        for _ in range(2):
            database.kill()
            refused(chat, "somebody took my laptop")
            refused(chat, "hello?")
            database.start()
        deadline = time.monotonic() + PATIENCE
        while chat.http.get("/api/v1/session").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        history = chat.http.get("/api/v1/history").text
        assert "zanzibarquokka" in history
        assert json.dumps(asked.splitlines()[0])[1:-1] in history
        assert "took my laptop" not in history
        chat.say("somebody took my laptop from the train")
        assert asked != chat.text
        assert "took my laptop from the train" in chat.http.get("/api/v1/history").text
        reasons = {entry.get("reason") for entry in deployment.audit_entries()}
        assert "database" in reasons
    with sqlite3.connect(published) as broker:
        events = [json.loads(row[0]) for row in broker.execute("SELECT data FROM events")]
    broker.close()
    assert {"session_started", "user", "bot", "action"} <= {event["event"] for event in events}
    assert all(set(event) == {"sender_id", "event", "timestamp"} for event in events)

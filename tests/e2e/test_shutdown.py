"""Stopping the real server: who asked is answered, and open pages hold nothing up."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from pathlib import Path

import httpx

from tests.e2e.deployment import Deployment
from tests.patience import PATIENCE, until


def test_a_turn_in_flight_is_finished_and_open_pages_are_let_go(tmp_path: Path) -> None:
    """A message that was being answered when the stop came gets its whole answer, and is there later."""
    with Deployment(tmp_path / "home") as deployment:
        assert 0 == deployment.command("init", "--demo").returncode
        deployment.start("--demo")
        account = deployment.person("employee")
        chat, page = account.sign_in(), account.sign_in()
        words = "how many days of leave do I have left " + "and what about tomorrow " * 80
        answers: list[httpx.Response] = []
        stream_over, opened = threading.Event(), threading.Event()

        def ask() -> None:
            body = {"id": secrets.token_hex(12), "text": words[:1990]}
            answers.append(chat.http.post("/api/v1/messages", json=body))

        def follow() -> None:
            with page.http.stream("GET", "/api/v1/events") as events:
                opened.set()
                for _ in events.iter_lines():
                    pass
            stream_over.set()

        threads = [threading.Thread(target=ask), threading.Thread(target=follow)]
        threads[1].start()
        assert opened.wait(PATIENCE)
        log = sqlite3.connect(deployment.home / "var" / "audit.db", isolation_level=None)
        log.execute(
            "BEGIN IMMEDIATE"
        )  # so that the turn cannot end before the stop: it needs an entry
        threads[0].start()
        time.sleep(1.5)  # until it has arrived, which nothing outside of the server shows
        ends: list[int] = []
        threads.append(threading.Thread(target=lambda: ends.append(deployment.stop())))
        threads[-1].start()
        until(lambda: "stopping" in deployment.log.read_text())
        assert not answers
        log.execute("ROLLBACK")
        log.close()
        for thread in threads:
            thread.join(PATIENCE)
        assert [200] == [answer.status_code for answer in answers]
        assert answers[0].json()["messages"][0]["text"]
        assert stream_over.is_set()
        assert [0] == ends
        told = deployment.log.read_text()
        assert told.index("serving") < told.index("stopping") < told.index("stopped")
        deployment.log.rename(deployment.home / "before.log")
        deployment.start("--demo")
        history = chat.http.get("/api/v1/history").json()["messages"]
        assert words[:40] == history[0]["text"][:40]

"""Stopping the real server: who asked is answered, and open pages hold nothing up."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path

import httpx

from tests.e2e.deployment import Deployment
from tests.patience import PATIENCE


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
        threads[0].start()
        time.sleep(0.15)  # the message is on its way; it takes a good deal longer
        assert 0 == deployment.stop()
        for thread in threads:
            thread.join(PATIENCE)
        assert [200] == [answer.status_code for answer in answers]
        assert answers[0].json()["messages"][0]["text"]
        assert stream_over.is_set()
        told = deployment.log.read_text()

        assert told.index("serving") < told.index("stopping") < told.index("stopped")
        deployment.log.rename(deployment.home / "before.log")
        deployment.start("--demo")
        history = chat.http.get("/api/v1/history").json()["messages"]
        assert words[:40] == history[0]["text"][:40]

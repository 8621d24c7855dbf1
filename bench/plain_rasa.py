"""The peer: plain Rasa on the same stack and training data, REST channel, `SQLTrackerStore`, no security.

The same pipeline, rules and stories, without the authorization policy, whose decisions need a
signed-in person; the answers of custom actions are one fixed sentence, served by rasa-sdk's own
action server. So the peer does less than Gatehouse, never more.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from ruamel.yaml import YAML

from bench.processes import PROJECT, free_port, resident_megabytes, stop, until

_ACTIONS = """
from rasa_sdk import Action


def _action(action_name):
    class One(Action):
        def name(self):
            return action_name

        def run(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text="You have 17 days left.")
            return []

    One.__name__ = action_name
    return One


for _name in {names!r}:
    globals()[_name] = _action(_name)
"""


class PlainRasa:
    """A served Rasa project in `home`; `say` is one message over its REST channel."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, self._action_port = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.started_in = 0.0
        home.mkdir()
        self._write()
        self._train()

    def _write(self) -> None:
        yaml = YAML(typ="safe")
        config = yaml.load(PROJECT / "config.yml")
        config["policies"] = [p for p in config["policies"] if "Authorization" not in p["name"]]
        domain = yaml.load(PROJECT / "domain.yml")
        with (self.home / "config.yml").open("w") as file:
            YAML().dump(config, file)
        shutil.copy(PROJECT / "domain.yml", self.home)
        shutil.copytree(PROJECT / "data", self.home / "data")
        (self.home / "actions.py").write_text(_ACTIONS.format(names=list(domain["actions"])))
        (self.home / "credentials.yml").write_text("rest:\n")
        (self.home / "endpoints.yml").write_text(
            "tracker_store: {type: SQL, dialect: sqlite, db: tracker.db}\n"
            f"action_endpoint: {{url: 'http://127.0.0.1:{self._action_port}/webhook'}}\n"
        )

    def _rasa(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "RASA_TELEMETRY_ENABLED": "false",
            "RASA_CACHE_DIRECTORY": str(self.home / "cache"),
            "PYTHONPATH": str(PROJECT),
        }
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "rasa", *arguments],
                cwd=self.home,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def _train(self) -> None:
        cache = PROJECT / ".rasa" / "cache"
        if cache.is_dir():
            shutil.copytree(cache, self.home / "cache")
        status = self._rasa("train", "--fixed-model-name", "model", "--quiet").wait(timeout=600)
        if status:
            raise RuntimeError(f"the peer was not trained:\n{self.log()}")

    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")[-3000:]

    def __enter__(self) -> Self:
        actions = ("run", "actions", "--port", str(self._action_port))
        self._processes.append(self._rasa(*actions))
        began = time.monotonic()
        server = ("run", "--port", str(self.port), "-i", "127.0.0.1")
        self._processes.append(self._rasa(*server))
        until(self._answers, 180, self.log)
        self.started_in = time.monotonic() - began
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.close()
        for process in self._processes:
            stop(process)

    def _answers(self) -> bool:
        try:
            return bool(self.say("warm-up", "hello"))
        except httpx.HTTPError:
            return False

    def say(self, sender: str, text: str) -> list[dict[str, str]]:
        answer = self._client.post(
            "/webhooks/rest/webhook", json={"sender": sender, "message": text}
        )
        answer.raise_for_status()
        messages: list[dict[str, str]] = answer.json()
        return messages

    def megabytes(self) -> float:
        """Resident memory of the server, without its action server."""
        return resident_megabytes(self._processes[1].pid)

    def turns(self, sender: str) -> int:
        with sqlite3.connect(self.home / "tracker.db") as database:
            query = "SELECT count(*) FROM events WHERE sender_id = ? AND type_name = 'user'"
            return int(database.execute(query, (sender,)).fetchone()[0])

    def lengthen(self, sender: str, turns: int, repeated: int) -> None:
        """Repeat the first `repeated` turns of the conversation in the database, over and over,
        until it has `turns` turns."""
        with sqlite3.connect(self.home / "tracker.db") as database:
            rows = database.execute(
                "SELECT sender_id, type_name, timestamp, intent_name, action_name, data"
                " FROM events WHERE sender_id = ? ORDER BY id",
                (sender,),
            ).fetchall()
            starts = [number for number, row in enumerate(rows) if row[1] == "user"]
            blocks = [rows[a:b] for a, b in itertools.pairwise(starts[: repeated + 1])]
            for number in range(turns - self.turns(sender)):
                for row in blocks[number % len(blocks)]:
                    now = time.time()
                    data = json.dumps({**json.loads(row[5]), "timestamp": now})
                    database.execute(
                        "INSERT INTO events (sender_id, type_name, timestamp, intent_name,"
                        " action_name, data) VALUES (?, ?, ?, ?, ?, ?)",
                        (*row[:2], now, *row[3:5], data),
                    )

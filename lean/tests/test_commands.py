"""Rasa's plain commands on a tiny project, as a person types them."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest
from tiny_project import BIN, CONFIG, Command, environment, write_project

pytestmark = pytest.mark.slow

NOISE = re.compile(r"Traceback|\wWarning:|telemetry|fatal:")


def noise(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines of the output that a person should not have to read."""
    lines = (result.stdout + result.stderr).splitlines()
    return [line for line in lines if NOISE.search(line)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `rasa …` that keeps running, ended with Ctrl-C's signal.

    Sanic answers a little before it listens to signals, so the signal waits for its last start line.
    """
    said = directory / "server.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [BIN / "rasa", *arguments],
            cwd=directory,
            env=environment(directory),
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            deadline = time.monotonic() + 30
            while "Worker ready" not in said.read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def post(url: str, body: object, patience: float = 60) -> object:
    """The JSON answer to `body`, asked again until the server is up."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_train_makes_a_model_and_keeps_quiet(tmp_path: Path, rasa: Command) -> None:
    """`rasa train` ends well and without a warning of a third party."""
    result = rasa(write_project(tmp_path), "train")
    assert (0, []) == (result.returncode, noise(result))
    assert 1 == len(list((tmp_path / "models").glob("*.tar.gz")))


def test_data_validate_accepts_the_project(trained: Path, rasa: Command) -> None:
    """`rasa data validate` runs to its end."""
    result = rasa(trained, "data", "validate", "--fail-on-warnings")
    assert (0, []) == (result.returncode, noise(result))


def test_test_runs_stories_and_the_language_model(trained: Path, rasa: Command) -> None:
    """`rasa test` evaluates both and draws its pictures."""
    result = rasa(trained, "test", "--nlu", "data/nlu.yml", "--stories", "tests")
    assert (0, []) == (result.returncode, noise(result))
    report = json.loads((trained / "results" / "story_report.json").read_text())
    assert {"correct": 1, "total": 1, "accuracy": 1.0} == {
        key: report["conversation_accuracy"][key] for key in ("correct", "total", "accuracy")
    }
    assert (trained / "results" / "intent_confusion_matrix.png").is_file()


def test_shell_answers(trained: Path, rasa: Command) -> None:
    """`rasa shell` answers what is typed."""
    port = str(free_port())
    result = rasa(trained, "shell", "--port", port, said="hello there\n/stop\n")
    assert "Good morning from the tiny project" in result.stdout
    assert [] == noise(result)


def test_run_serves_over_rest(trained: Path) -> None:
    """`rasa run` serves a message and stops at Ctrl-C."""
    port = free_port()
    with serving(trained, "run", "--port", str(port), "-i", "127.0.0.1") as process:
        answer = post(
            f"http://127.0.0.1:{port}/webhooks/rest/webhook", {"sender": "a", "message": "hello"}
        )
    expected = [{"recipient_id": "a", "text": "Good morning from the tiny project"}]
    assert expected == answer
    assert 0 == process.returncode


def test_run_actions_serves_an_action(trained: Path) -> None:
    """`rasa run actions` runs a custom action and stops at Ctrl-C."""
    port = free_port()
    call = {
        "version": "3.6.21",
        "next_action": "action_tiny",
        "sender_id": "a",
        "tracker": {"sender_id": "a", "slots": {}, "events": []},
        "domain": {},
    }
    with serving(trained, "run", "actions", "--port", str(port)) as process:
        answer = post(f"http://127.0.0.1:{port}/webhook", call)
    assert ["done"] == [response["text"] for response in answer["responses"]]  # type: ignore[index]
    assert 0 == process.returncode


def test_a_tensorflow_component_is_named_in_one_clear_error(tmp_path: Path, rasa: Command) -> None:
    """Configuring one ends the training at once, names it and says what to install."""
    config = CONFIG.replace("pipeline:\n", "pipeline:\n      - name: DIETClassifier\n")
    result = rasa(write_project(tmp_path, config=config), "train")
    assert "DIETClassifier in the configuration needs TensorFlow" in result.stderr + result.stdout
    assert "pip install --no-deps" in result.stderr + result.stdout
    assert [] == noise(result)
    assert 0 != result.returncode


def test_a_channel_without_its_library_is_one_clear_error(trained: Path, rasa: Command) -> None:
    """`rasa run` with such a channel ends before it serves and says what to install."""
    (trained / "slack.yml").write_text("slack: {slack_token: x, slack_channel: y}\n")
    result = rasa(trained, "run", "--credentials", "slack.yml", "--port", str(free_port()))
    assert "The channel 'slack'" in result.stderr + result.stdout
    assert "pip install slack-sdk" in result.stderr + result.stdout
    assert [] == noise(result)
    assert 0 != result.returncode

"""Starting and stopping: clean, and not at all while something stands against it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment


def test_ctrl_c_ends_it_cleanly_and_it_starts_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Ctrl-C ends the server with status 0 and no traceback, every audit entry signed and witnessed;
    the conversation is there after a restart."""
    with Deployment(tmp_path_factory.mktemp("stop")) as deployment:
        assert 0 == deployment.command("init", "--demo").returncode
        deployment.start("--demo")
        account = deployment.person("employee")
        chat = account.sign_in()
        chat.say("hello")
        assert 0 == deployment.stop(signal.SIGINT)
        log = deployment.log.read_text()
        assert "Traceback" not in log
        assert "Warning" not in log
        report = json.loads(deployment.command("audit", "verify", "--json").stdout)
        assert 0 < report["entries"] == report["checkpointed"] == report["witnessed"]
        deployment.log.unlink()
        deployment.start()
        assert "hello" in chat.http.get("/api/v1/history").text


def test_production_refuses_and_names_each_reason(empty_home: Path) -> None:
    """A production start with demo accounts, demo keys and the local authority names all three."""
    deployment = Deployment(empty_home, GATEHOUSE_SERVER_PROFILE="production")
    assert 0 == deployment.command("init", "--demo").returncode
    started = deployment.command("run")
    assert 6 == started.returncode
    for reason in ("demo accounts", "keys were made for the demonstration", "local authority"):
        assert reason in started.stderr
    assert "Traceback" not in started.stderr


def test_without_initialisation_it_says_what_to_do(empty_home: Path) -> None:
    """A start before `gatehouse init` is refused with the command to run."""
    started = Deployment(empty_home).command("run")
    assert 6 == started.returncode
    assert "gatehouse init" in started.stderr
    assert "Traceback" not in started.stderr


def test_wrong_setting_stops_the_start(empty_home: Path) -> None:
    """A wrong setting stops the start and names its key."""
    started = Deployment(empty_home, GATEHOUSE_RETENTION_TTL="forever").command("run")
    assert 3 == started.returncode
    assert "retention.ttl" in started.stderr


def test_stock_rasa_run_with_the_http_api_refuses(deployment: Deployment) -> None:
    """Rasa's own launcher with its HTTP API switched on does not serve this channel."""
    status, output = stock_rasa(deployment, "run", "--enable-api")
    assert 0 != status
    assert "/conversations/" in output  # the routes that must not be there are named


def test_stock_rasa_run_without_tls_answers_nobody(deployment: Deployment) -> None:
    """Rasa's own launcher without a certificate serves plain HTTP, which the channel refuses."""
    import httpx

    process, port = start_stock_rasa(deployment, "run")
    try:
        answer = None
        for _ in range(300):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/chat", timeout=10)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.2)
        assert answer is not None
        assert answer.status_code >= 400
        assert "Rasa" not in answer.text
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, and again: Sanic misses one that arrives in the very moment when it becomes ready."""
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=8)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()
    pytest.fail("the server did not end")


def start_stock_rasa(
    deployment: Deployment, *arguments: str
) -> tuple[subprocess.Popen[bytes], int]:
    from tests.e2e.deployment import free_port

    port = free_port()
    command = [sys.executable, "-m", "rasa", *arguments, "-i", "127.0.0.1", "-p", str(port)]
    with (deployment.home / f"rasa-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=deployment.environment,
            cwd=deployment.home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return process, port


def stock_rasa(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Run Rasa's launcher until it ends by itself."""
    process, port = start_stock_rasa(deployment, *arguments)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        pytest.fail("Rasa went on serving")
    return process.returncode, (deployment.home / f"rasa-{port}.log").read_text()

"""Served with the root in a hardware module, the ring in PostgreSQL and a mirror beside it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pkcs11
import pytest

from tests.e2e.deployment import Deployment
from tests.unit.keys.places import softhsm_library


@pytest.fixture
def deployment(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    home = tmp_path / "home"
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "desk", "--so-pin", "87654321",
         "--pin", "123456"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    pkcs11.lib(softhsm_library()).reinitialize()  # it read the configuration of an earlier test
    pin = tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text("123456")
    url = tmp_path / "url"
    url.write_text(postgres_url)
    return Deployment(
        home,
        GATEHOUSE_DATABASE_URL_FILE=str(url),
        GATEHOUSE_KEYS_HOME="database",
        GATEHOUSE_KEYS_MIRROR=str(tmp_path / "mirror"),
        GATEHOUSE_KEYS_ROOT="pkcs11",
        GATEHOUSE_KEYS_PKCS11_MODULE=softhsm_library(),
        GATEHOUSE_KEYS_PKCS11_TOKEN="desk",
        GATEHOUSE_KEYS_PKCS11_PIN_FILE=str(pin),
    )


def _said(deployment: Deployment, *arguments: str) -> dict[str, Any]:
    done = deployment.command("keys", *arguments, "--json")
    assert 0 == done.returncode, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_people_are_served_while_the_module_is_away(deployment: Deployment, tmp_path: Path) -> None:
    """Keys rotate while people are served. Unplugged, the module stops erasures and starts, which
    is said, and no conversation; once it is back, conversations can be ended again."""
    with deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        assert [] == list((deployment.home / "var" / "keys").glob("r*"))  # neither ring nor root
        deployment.start("--demo")
        account = deployment.person("employee")
        chat = account.sign_in()
        assert "day" in chat.say("how many vacation days do I have left")
        before = _said(deployment, "status")["generation"]
        assert before < _said(deployment, "rotate")["generation"]
        assert "day" in chat.say("how many vacation days do I have left")

        (tmp_path / "tokens").rename(tmp_path / "unplugged")
        assert "day" in chat.say("how many vacation days do I have left")
        another = account.sign_in()
        assert "day" in another.say("how many vacation days do I have left")
        refused = deployment.command("keys", "status")
        assert 6 == refused.returncode
        assert "hardware module" in refused.stderr
        message = {"id": "x" * 20, "text": "end the conversation"}
        failed = another.http.post("/api/v1/messages", json=message)
        assert 503 == failed.status_code, failed.text
        assert "hardware" not in failed.text
        (tmp_path / "unplugged").rename(tmp_path / "tokens")

        assert "day" in another.say("how many vacation days do I have left")
        another.say("end the conversation")
        assert another.last["ended"]
        checked = _said(deployment, "check")
        assert (0, checked["keys"]) == (checked["roots_left"], checked["mirror_keys"])

"""`gatehouse settings` lists every setting as it is."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.cli.settings import settings
from gatehouse.settings import SECTIONS

KEYS = [f"{section}.{item.name}" for section, kind in SECTIONS.items() for item in fields(kind)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies").mkdir()
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    return tmp_path


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(settings, arguments, catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def test_the_json_holds_every_setting_once(home: Path) -> None:
    """Keys come in the order of the settings module, none is missing."""
    assert KEYS == [entry["key"] for entry in json.loads(listed("--json"))]


def test_the_text_holds_every_setting_and_its_variable(home: Path) -> None:
    """A person finds each key, its meaning and its environment variable."""
    text = listed()
    for section, kind in SECTIONS.items():
        for item in fields(kind):
            assert f"\n{section}.{item.name}\n    {item.metadata['doc']}\n" in f"\n{text}"
            assert f"GATEHOUSE_{section.upper()}_{item.name.upper()}" in text


def test_the_value_is_the_one_in_force(home: Path) -> None:
    """A value from gatehouse.toml is shown beside its default, durations in seconds."""
    (home / "gatehouse.toml").write_text('[retention]\nttl = "2h"\n')
    found = {entry["key"]: entry for entry in json.loads(listed("--json"))}["retention.ttl"]
    assert (7200, "24h") == (found["value"], found["default"])


def test_a_password_in_a_database_url_is_not_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL is shown without its password, even one with an @ in it."""
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", "postgresql://gate:s3c@ret@db.example/gate")
    text = listed("--json")
    assert "postgresql://gate:\\u2026@db.example/gate" in text
    assert "s3c" not in text
    assert "ret@" not in text


def test_a_password_among_the_options_of_a_url_is_not_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drivers take passwords after the question mark as well; what stands beside them is shown."""
    url = (
        "postgresql://db.example/gate?user=gate&password=s3cret&sslPassword=t0p&sslmode=verify-full"
    )
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", url)
    text = listed()
    assert "?user=gate&password=…&sslPassword=…&sslmode=verify-full (environment)" in text
    assert "s3cret" not in text
    assert "t0p" not in text


def test_where_a_value_comes_from_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file or environment; the environment wins over the file."""
    (home / "gatehouse.toml").write_text('[retention]\nttl = "2h"\n[server]\nport = 7000\n')
    monkeypatch.setenv("GATEHOUSE_SERVER_PORT", "7001")
    text = listed()
    assert "\n    now 7200s (gatehouse.toml)\n" in text
    assert "\n    now 7001 (environment)\n" in text
    assert "\n    now 127.0.0.1 (default)\n" in text
    assert '\n    now "" (default)\n' in text
    found = {entry["key"]: entry["source"] for entry in json.loads(listed("--json"))}
    assert ("gatehouse.toml", "environment") == (found["retention.ttl"], found["server.port"])

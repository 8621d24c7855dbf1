"""Settings: safe defaults, clear refusals, secrets from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import InvalidInput
from gatehouse.settings import differing, load_settings, parse_duration


def write(home: Path, text: str) -> Path:
    (home / "gatehouse.toml").write_text(text, encoding="utf-8")
    return home


def test_defaults_are_safe(tmp_path: Path) -> None:
    """Without any file Gatehouse listens on loopback, destroys on end and keeps a day."""
    settings = load_settings(tmp_path, {})
    assert "127.0.0.1" == settings.server.host
    assert "destroy" == settings.retention.on_end
    assert 86400 == settings.retention.ttl
    assert "https://localhost:5005" == settings.server.origin


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    """A variable wins over the file, the file over the default."""
    write(tmp_path, "[server]\nport = 7000\n[retention]\nttl = '2h'\n")
    settings = load_settings(tmp_path, {"GATEHOUSE_SERVER_PORT": "7001"})
    assert 7001 == settings.server.port
    assert 7200 == settings.retention.ttl


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[server]\nport = 0", "server.port"),
        ("[server]\nport = true", "server.port"),
        ("[server]\nport = 'x'", "server.port"),
        ("[server]\nprofile = 'prod'", "server.profile"),
        ("[retention]\nttl = '0s'", "retention.ttl"),
        ("[retention]\nttl = 'soon'", "retention.ttl"),
        ("[retention]\nttl = -5", "retention.ttl"),
        ("[retention]\nttl = true", "retention.ttl"),
        ("[retention]\non_end = 'archive'", "retention.on_end"),
        ("[server]\ntrusted_proxies = 7", "server.trusted_proxies"),
        ("[server]\nhost = 7", "server.host"),
        ("[server]\nhots = 'x'", "server.hots"),
        ("[sever]\nport = 1", "sever"),
        ("server = 3", "server"),
        ("[server", "TOML"),
        ("[server]\npublic_origin = 'http://hr.example'", "server.public_origin"),
        ("[server]\npublic_origin = 'hr.example'", "server.public_origin"),
        ("[server]\npublic_origin = 'https://hr.example/chat'", "server.public_origin"),
        ("[server]\npublic_origin = 'https://hr.example/'", "server.public_origin"),
        ("[server]\npublic_origin = 'https://u@hr.example'", "server.public_origin"),
        ("[server]\npublic_origin = 'https://hr.example:99999'", "server.public_origin"),
        ("[server]\npublic_origin = 'https://'", "server.public_origin"),
        ("[policy]\ntime_zone = 'Europe/Berln'", "policy.time_zone"),
        ("[policy]\ntime_zone = '../../etc/passwd'", "policy.time_zone"),
        ("[policy]\ntime_zone = ''", "policy.time_zone"),
        ("[session]\nidle = '9h'", "session.idle.*session.absolute"),
        ("[step_up]\nchallenge = '6m'", "step_up.challenge"),
    ],
)
def test_wrong_value_names_its_key(tmp_path: Path, text: str, expected: str) -> None:
    """A wrong value stops the start and the message names the key."""
    with pytest.raises(InvalidInput, match=expected):
        load_settings(write(tmp_path, text), {})


def test_invalid_utf8_is_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused without a traceback."""
    (tmp_path / "gatehouse.toml").write_bytes(b"[server]\nhost = '\xff'")
    with pytest.raises(InvalidInput, match="TOML"):
        load_settings(tmp_path, {})


def test_unknown_variable_is_refused(tmp_path: Path) -> None:
    """A misspelt variable is refused instead of being silently without effect."""
    with pytest.raises(InvalidInput, match="GATEHOUSE_RETENTION_TTLL"):
        load_settings(tmp_path, {"GATEHOUSE_RETENTION_TTLL": "1h"})


def test_database_url_comes_from_a_file(tmp_path: Path) -> None:
    """A URL with a password is read from the file that the setting names."""
    (tmp_path / "secret").write_text("postgresql+psycopg2://u:p@localhost/g\n", encoding="utf-8")
    settings = load_settings(write(tmp_path, "[database]\nurl_file = 'secret'"), {})
    assert "postgresql+psycopg2://u:p@localhost/g" == settings.database_url(settings.database)


def test_missing_url_file_is_refused(tmp_path: Path) -> None:
    """A URL file that is not there stops the start."""
    settings = load_settings(write(tmp_path, "[database]\nurl_file = 'secret'"), {})
    with pytest.raises(InvalidInput, match="secret"):
        settings.database_url(settings.database)


def test_sqlite_paths_start_from_home(tmp_path: Path) -> None:
    """A relative SQLite path is below the home directory wherever the process runs."""
    settings = load_settings(tmp_path, {})
    expected = f"sqlite:///{tmp_path.resolve()}/var/gatehouse.db"
    assert expected == settings.database_url(settings.database)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("15m", 900), ("8h", 28800), ("30d", 2592000), (7, 7)]
)
def test_durations(text: object, seconds: int) -> None:
    """Durations are whole seconds, or a number with a unit."""
    assert seconds == parse_duration(text, "key")


def test_the_longest_challenge_is_named(tmp_path: Path) -> None:
    """The hint says how long a request may wait for its code."""
    with pytest.raises(InvalidInput) as refused:
        load_settings(tmp_path, {"GATEHOUSE_STEP_UP_CHALLENGE": "301"})
    assert ("at most 5m",) == refused.value.hints
    assert 300 == load_settings(tmp_path, {"GATEHOUSE_STEP_UP_CHALLENGE": "300"}).step_up.challenge


@pytest.mark.parametrize(
    "origin",
    ["https://hr.example", "https://hr.example:8443", "https://127.0.0.1", "https://[::1]:1"],
)
def test_an_origin_is_taken_as_it_is(tmp_path: Path, origin: str) -> None:
    """Scheme, host and perhaps a port."""
    settings = load_settings(tmp_path, {"GATEHOUSE_SERVER_PUBLIC_ORIGIN": origin})
    assert origin == settings.server.origin


@pytest.mark.parametrize(
    "origin", ["*", "http://a.example", "https://*.a.example", "https://a.example/x", "'self'"]
)
def test_only_origins_may_embed_the_page(tmp_path: Path, origin: str) -> None:
    """A wildcard, plain HTTP, a path or a keyword in `server.framed_by` stops the start."""
    with pytest.raises(InvalidInput, match=r"server\.framed_by"):
        load_settings(tmp_path, {"GATEHOUSE_SERVER_FRAMED_BY": origin})


def test_differing_settings_are_told_without_free_text(tmp_path: Path) -> None:
    """The audit log learns which settings are set: numbers and choices as they are, text as a mark."""
    environment = {
        "GATEHOUSE_RETENTION_TTL": "12h",
        "GATEHOUSE_RETENTION_ON_END": "keep",
        "GATEHOUSE_DATABASE_URL": "postgresql+psycopg2://desk:hunter2@db/desk",
        "GATEHOUSE_LIMITS_TEXT": "2000",
    }
    told = differing(load_settings(tmp_path, environment), lambda text: f"<{len(text)}>")
    assert ["database.url#<42>", "retention.ttl=43200", "retention.on_end=keep"] == told

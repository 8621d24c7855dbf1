"""`gatehouse tls` speaks of the deployment as it is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.cli.tls import tls


def test_the_hint_names_the_port_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address to try is the one that the server listens on."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("GATEHOUSE_SERVER_PORT", "7443")
    runner = CliRunner()
    assert 0 == runner.invoke(tls, ["init"], catch_exceptions=False).exit_code
    text = runner.invoke(tls, ["trust-hint"], catch_exceptions=False).stdout
    assert "https://localhost:7443/chat" in text
    assert "5005" not in text

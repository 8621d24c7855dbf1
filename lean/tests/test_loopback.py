"""Rasa's servers listen on loopback unless somebody names an address."""

from __future__ import annotations

import argparse
import inspect
import os
from pathlib import Path
from types import ModuleType

import pytest
import rasa.core.constants
import rasa.core.run
import rasa_sdk.__main__
import rasa_sdk.endpoint
from gatehouse_lean.loopback import LOOPBACK, adjust
from rasa.cli.arguments.run import add_interface_argument


def interface_of(*arguments: str) -> str:
    """The address that `rasa run` listens on with `arguments`."""
    parser = argparse.ArgumentParser()
    add_interface_argument(parser)
    return str(parser.parse_args(arguments).interface)


def host_of_action_server(monkeypatch: pytest.MonkeyPatch) -> str:
    """The SANIC_HOST that rasa-sdk's own `run` finds."""
    seen: list[str] = []
    endpoint = ModuleType("rasa_sdk.endpoint")
    endpoint.run = lambda package: seen.append(os.environ["SANIC_HOST"])  # type: ignore[attr-defined]
    adjust(endpoint)
    endpoint.run("actions")
    return seen[0]


def test_rasa_run_listens_on_loopback() -> None:
    """Without `-i` nobody outside the machine reaches the server."""
    assert LOOPBACK == interface_of()
    default = inspect.signature(rasa.core.run.serve_application).parameters["interface"].default
    assert LOOPBACK == default


def test_an_interface_that_is_named_wins() -> None:
    """`-i` is not overruled."""
    assert "0.0.0.0" == interface_of("-i", "0.0.0.0")


def test_the_action_server_listens_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SANIC_HOST it becomes loopback before rasa-sdk reads it."""
    monkeypatch.setenv("SANIC_HOST", "")
    monkeypatch.delenv("SANIC_HOST")
    assert LOOPBACK == host_of_action_server(monkeypatch)


def test_a_host_that_is_named_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """SANIC_HOST is not overruled."""
    monkeypatch.setenv("SANIC_HOST", "192.0.2.7")
    assert "192.0.2.7" == host_of_action_server(monkeypatch)


def test_rasa_runs_the_adjusted_action_server() -> None:
    """`rasa run actions` goes through the function that was adjusted."""
    assert hasattr(rasa_sdk.endpoint.run, "__wrapped__")
    assert rasa_sdk.__main__.run is rasa_sdk.endpoint.run


def test_rasa_still_listens_everywhere_by_itself() -> None:
    """When Rasa's own defaults become loopback, this adjustment is to be removed."""
    source = Path(rasa.core.constants.__file__).read_text(encoding="utf-8")
    assert 'DEFAULT_SERVER_INTERFACE = "0.0.0.0"' in source
    assert 'os.environ.get("SANIC_HOST", "0.0.0.0")' in inspect.getsource(rasa_sdk.endpoint.run)

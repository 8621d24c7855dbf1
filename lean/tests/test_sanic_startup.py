"""Sanic 25 under Rasa: one process unless somebody asks for more, and the old streaming answer."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
import rasa.core.channels.rest
import rasa.core.run
import rasa_sdk.endpoint
import sanic.response
from gatehouse_lean.sanic_startup import adjust
from sanic import Sanic


def started_with(**options: Any) -> dict[str, Any]:
    """The options that reach Sanic's own `run`."""
    seen: dict[str, Any] = {}

    class Mixin:
        def run(self, **arguments: Any) -> None:
            seen.update(arguments)

    adjust(SimpleNamespace(StartupMixin=Mixin))  # type: ignore[arg-type]
    Mixin().run(**options)
    return seen


def test_one_process_is_the_default() -> None:
    """Called as Rasa and rasa-sdk call it, Sanic serves in the process that built the application."""
    assert {"port": 1, "workers": 1, "single_process": True} == started_with(port=1, workers=1)


@pytest.mark.parametrize("options", [{"workers": 2}, {"fast": True}, {"auto_reload": True}])
def test_more_processes_can_still_be_asked_for(options: dict[str, Any]) -> None:
    """What a caller asks for is not overruled."""
    assert options | {"single_process": False} == started_with(**options)


def test_an_explicit_choice_wins() -> None:
    """`single_process` of the caller is kept."""
    assert {"single_process": False} == started_with(single_process=False)


def test_sanic_still_starts_workers_by_default() -> None:
    """When Sanic's default becomes one process, this adjustment is to be removed."""
    assert False is inspect.signature(Sanic.run).parameters["single_process"].default
    assert hasattr(Sanic.run, "__wrapped__")


@pytest.mark.parametrize("caller", [rasa.core.run.serve_application, rasa_sdk.endpoint.run])
def test_rasa_still_does_not_ask_for_one_process(caller: Any) -> None:
    """When Rasa asks for it by itself, this adjustment is to be removed."""
    source = inspect.getsource(caller)
    assert "app.run(" in source
    assert "single_process" not in source


def test_rasa_still_streams_by_the_old_name() -> None:
    """The rest channel calls `response.stream`, and Sanic's class takes what it passes."""
    assert "return response.stream(" in inspect.getsource(rasa.core.channels.rest.RestInput)
    assert sanic.response.stream is sanic.response.ResponseStream
    parameters = inspect.signature(sanic.response.ResponseStream).parameters
    assert ["streaming_fn", "status", "headers", "content_type"] == list(parameters)

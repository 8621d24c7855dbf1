"""The shared deployment of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import PROJECT, Account, Deployment
from tests.needs import need


@pytest.fixture(scope="session", autouse=True)
def _trained_model() -> None:
    """These tests need the trained model; `make test` trains it first."""
    model = PROJECT / "models" / "current.tar.gz"
    need(model.is_file(), "no trained model; run `gatehouse train`")


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A served demonstration; people are added to it by the tests."""
    with Deployment(tmp_path_factory.mktemp("served")) as deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.start("--demo")


@pytest.fixture
def employee(deployment: Deployment) -> Account:
    return deployment.person("employee")


@pytest.fixture
def empty_home(tmp_path: Path) -> Path:
    return tmp_path / "home"

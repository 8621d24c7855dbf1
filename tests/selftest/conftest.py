"""One server for all of these tests; starting it is what costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import _trained_model  # noqa: F401 - needed here as well
from tests.selftest.weakened import LOOSE, Weakened


@pytest.fixture(scope="session")
def weakened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weakened]:
    """A served demonstration that weaknesses can be switched on in."""
    with Weakened(tmp_path_factory.mktemp("weakened"), **LOOSE) as deployment:
        made = deployment.command("init", "--demo")
        assert 0 == made.returncode, made.stderr
        yield deployment.serve()

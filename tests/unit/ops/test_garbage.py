"""What is loaded for good is not searched for garbage again."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gatehouse.ops import serve


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_loaded_is_left_alone_and_garbage_is_not() -> None:
    """Everything that lives when serving begins; what comes later is collected as ever."""
    serve._keep_what_is_loaded(None, None)  # type: ignore[arg-type]
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1

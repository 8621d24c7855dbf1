"""What a test cannot run without: skipped where somebody did not install it, a failure in CI."""

from __future__ import annotations

import os

import pytest


def need(there: object, missing: str) -> None:
    """Go on if `there`; else skip with `missing` as the reason, or fail in continuous integration."""
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)

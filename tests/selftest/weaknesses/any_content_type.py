"""JSON is taken whatever it says it is."""

from __future__ import annotations

import re

import pytest

FOUND_BY = "content-types"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gatehouse.channel.body._CONTENT_TYPE", re.compile(".*", re.DOTALL))

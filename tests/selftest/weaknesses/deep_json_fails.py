"""The depth of JSON is not bounded, and running out of stack is a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatehouse.channel import body

FOUND_BY = "deep-bodies"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def parse(raw: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(raw)
        except ValueError as error:
            raise body._malformed() from error
        return found

    patch.setattr(body, "parse_object", parse)

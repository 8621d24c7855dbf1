"""JSON may give a name twice, and hold what is no JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatehouse.channel import body

FOUND_BY = "ambiguous-json"


def weaken(patch: pytest.MonkeyPatch) -> None:
    def parse(raw: bytes) -> dict[str, Any]:
        found = json.loads(raw)
        if not isinstance(found, dict):
            raise body._malformed()
        return found

    patch.setattr(body, "parse_object", parse)

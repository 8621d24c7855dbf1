"""Files of the project directory can be fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sanic import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel import failures

FOUND_BY = "leftovers"


def weaken(patch: pytest.MonkeyPatch) -> None:
    refusal = failures.refusal

    def from_disk(error: BaseException) -> HTTPResponse:
        path = Path(os.environ["GATEHOUSE_HOME"] + Request.get_current().path)
        return raw(path.read_bytes()) if path.is_file() else refusal(error)

    patch.setattr(failures, "refusal", from_disk)

"""Refusals quote the exception behind them."""

from __future__ import annotations

import traceback

import pytest
from sanic.response import HTTPResponse, json

from gatehouse.channel import failures

FOUND_BY = "error-details"


def weaken(patch: pytest.MonkeyPatch) -> None:
    refusal = failures.refusal

    def quoting(error: BaseException) -> HTTPResponse:
        answer = refusal(error)
        lines = traceback.format_exception(error)
        return json({"error": {"code": "x", "trace": lines}}, status=answer.status)

    patch.setattr(failures, "refusal", quoting)

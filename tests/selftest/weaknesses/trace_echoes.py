"""TRACE is answered with the headers of the request."""

from __future__ import annotations

import pytest
from sanic import Request
from sanic.response import HTTPResponse, text

from gatehouse.channel import failures

FOUND_BY = "methods"


def weaken(patch: pytest.MonkeyPatch) -> None:
    refusal = failures.refusal

    def echoing(error: BaseException) -> HTTPResponse:
        request = Request.get_current()
        return text(request.head.decode()) if request.method == "TRACE" else refusal(error)

    patch.setattr(failures, "refusal", echoing)

"""Metrics are shown to everybody."""

from __future__ import annotations

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse import metrics
from gatehouse.channel.probes import Probes

FOUND_BY = "metrics-open"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def shown(self: Probes, _request: Request) -> HTTPResponse:
        body, kind = metrics.exposition()
        return raw(body, content_type=kind)

    patch.setattr(Probes, "metrics", shown)

"""The files of the page are opened by the path that is asked for."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import pytest
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel.failures import ApiError
from gatehouse.channel.pages import Pages

FOUND_BY = "path-traversal"


def weaken(patch: pytest.MonkeyPatch) -> None:
    async def static(self: Pages, _request: Request, name: str) -> HTTPResponse:
        path = Path(str(files("gatehouse.channel"))) / "widget" / unquote(name)
        if not path.is_file():
            raise ApiError(404, "not_found", "There is nothing at this address.")
        return raw(path.read_bytes())

    patch.setattr(Pages, "static", static)

"""The redirect of the start page leads to the host that the request names."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.channel import web

FOUND_BY = "host-header"


def weaken(patch: pytest.MonkeyPatch) -> None:
    from sanic import Request
    from sanic.response import redirect

    def led(to: str) -> Any:
        named = Request.get_current().headers.get("x-forwarded-host")
        return redirect(f"https://{named}{to}" if named else to)

    patch.setattr(web, "redirect", led)

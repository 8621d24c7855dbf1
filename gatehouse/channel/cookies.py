"""The cookies of the channel, and their attributes (ASVS 5.0 V3.3).

All carry the `__Host-` prefix, so that no other host or path can plant them, and none can be
read by a script. Those of session and door go with the browser; the device's stays, and opens nothing;
that of a sign-in at a provider lives for its ten minutes, and has to come along when the provider sends
the browser back.
"""

from __future__ import annotations

from typing import Any

from sanic.response import HTTPResponse

from gatehouse.identity.devices import LIFETIME

SESSION = "__Host-gatehouse"
DEVICE = "__Host-gatehouse-device"
DOOR = "__Host-gatehouse-door"
FLOW = "__Host-gatehouse-sign-in"


def set_session(response: HTTPResponse, token: str) -> None:
    """Until the browser ends; the server ends it earlier."""
    _set(response, SESSION, token)


def drop_session(response: HTTPResponse) -> None:
    response.delete_cookie(SESSION.removeprefix("__Host-"), host_prefix=True)


def set_door(response: HTTPResponse, cookie: str) -> None:
    """Before sign-in only; see `gatehouse.channel.door`."""
    _set(response, DOOR, cookie)


def drop_door(response: HTTPResponse) -> None:
    response.delete_cookie(DOOR.removeprefix("__Host-"), host_prefix=True)


def set_device(response: HTTPResponse, token: str) -> None:
    """Stays over sign-out, so that the next sign-in is one from a known browser."""
    _set(response, DEVICE, token, max_age=LIFETIME)


def set_flow(response: HTTPResponse, value: str, lifetime: int) -> None:
    """For `lifetime` seconds; Lax, because the way back begins at another site."""
    _set(response, FLOW, value, samesite="Lax", max_age=lifetime)


def drop_flow(response: HTTPResponse) -> None:
    response.delete_cookie(FLOW.removeprefix("__Host-"), host_prefix=True)


def _set(
    response: HTTPResponse, name: str, value: str, *, samesite: str = "Strict", **more: Any
) -> None:
    response.add_cookie(
        name.removeprefix("__Host-"),
        value,
        host_prefix=True,
        secure=True,
        httponly=True,
        samesite=samesite,
        path="/",
        **more,
    )

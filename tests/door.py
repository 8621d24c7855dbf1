"""What a page does before a sign-in: it asks who is there, and learns what a sign-in must show."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import httpx

COOKIE = "__Host-gatehouse-door"
_known: WeakKeyDictionary[httpx.Client, str] = WeakKeyDictionary()


def at_the_door(client: httpx.Client) -> dict[str, str]:
    """The header that signs `client` in, with the cookie in its jar; asked for once per sign-in."""
    if COOKIE not in client.cookies:
        # Without a session, also where there is one that a new sign-in is to replace.
        answer = client.get("/api/v1/session", headers={"Cookie": "none=1"})
        assert 401 == answer.status_code, answer.text
        _known[client] = answer.json()["error"]["door"]
    return {"X-CSRF-Token": _known[client]}

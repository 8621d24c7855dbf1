"""The chat page and its files.

Served from a fixed list that is read once at the start: no path of a request ever reaches the file
system. The page has no inline script or style, and names the hash of each file (SRI), so that a
changed file is not run.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files

from ruamel.yaml import YAML
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from gatehouse.channel import cookies
from gatehouse.channel.door import Door
from gatehouse.channel.failures import ApiError
from gatehouse.errors import InvalidInput
from gatehouse.settings import Provider, Settings

STATIC = "/chat/static/"
_FILES = {
    "gatehouse.js": ("built/gatehouse.js", "text/javascript; charset=utf-8"),
    "account.js": ("built/account.js", "text/javascript; charset=utf-8"),
    "gatehouse.css": ("gatehouse.css", "text/css; charset=utf-8"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What the page says about the organisation; from `credentials.yml`."""

    organisation: str = ""
    language: str = "en"

    @classmethod
    def read(cls, given: object) -> Wording:
        """The wording in the channel's section of `credentials.yml`; raises `InvalidInput`."""
        entries = {} if given is None else given
        known = [item.name for item in fields(cls)]
        if not isinstance(entries, Mapping):
            raise InvalidInput("credentials.yml: the web channel takes a section of texts")
        for key, value in entries.items():
            if key not in known or not isinstance(value, str):
                raise InvalidInput(
                    f"credentials.yml: {key!r} is not valid for the web channel",
                    f"texts for {', '.join(known)}",
                )
        return cls(**entries)


def wording_of(settings: Settings) -> Wording:
    """The wording that the project's `credentials.yml` gives; the defaults when it gives none."""
    path = settings.path("credentials.yml")
    if not path.exists():
        return Wording()
    document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
    return Wording.read(document.get("gatehouse.channel.WebChannel"))


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str

    @property
    def integrity(self) -> str:
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()


class Pages:
    """The page of one deployment, ready to send."""

    def __init__(
        self, wording: Wording, text_limit: int, door: Door, provider: Provider | None = None
    ) -> None:
        self._door = door
        self._files = {name: _File(_widget(path), kind) for name, (path, kind) in _FILES.items()}
        values = {
            "language": wording.language,
            "organisation": wording.organisation,
            "limit": str(text_limit),
            "provider": provider.name if provider and provider.issuer else "",
            "passwords": "off" if provider and provider.issuer and not provider.passwords else "on",
            "script": STATIC + "gatehouse.js",
            "script_integrity": self._files["gatehouse.js"].integrity,
            "account": STATIC + "account.js",
            "account_integrity": self._files["account.js"].integrity,
            "style": STATIC + "gatehouse.css",
            "style_integrity": self._files["gatehouse.css"].integrity,
        }
        page = _widget("chat.html").decode("utf-8")
        for name, value in values.items():
            page = page.replace(f"{{{{{name}}}}}", html.escape(value))
        self._page = page.encode("utf-8")

    async def chat(self, request: Request) -> HTTPResponse:
        """GET /chat"""
        response = raw(self._page, content_type="text/html; charset=utf-8")
        shown = request.cookies.get(cookies.DOOR)
        if (cookie := self._door.cookie(shown)) != shown:
            cookies.set_door(response, cookie)
        return response

    async def static(self, _request: Request, name: str) -> HTTPResponse:
        """GET /chat/static/<name>"""
        found = self._files.get(name)
        if found is None:
            raise ApiError(404, "not_found", "There is nothing at this address.")
        return raw(found.content, content_type=found.kind)


def _widget(path: str) -> bytes:
    return (files("gatehouse.channel") / "widget" / path).read_bytes()

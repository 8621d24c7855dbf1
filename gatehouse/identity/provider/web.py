"""Requests to the provider: HTTPS only, no redirects, little time, small answers.

What a provider answers is read by nobody who is signed in yet, so neither it nor whoever stands in its
place may hold a worker up or fill the memory. Plain HTTP has no adapter here and cannot be spoken.
"""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from gatehouse.identity.provider.errors import ProviderUnavailable

LARGEST = 256 * 1024  # bytes of an answer
_CONNECT, _READ, _WHOLE = 3.05, 5.0, 10.0  # seconds


def guard(session: requests.Session, authority: str = "") -> None:
    """Put `session` under these rules; `authority` is a CA bundle, empty for the usual ones."""
    session.trust_env = False  # neither proxies nor credentials of the environment
    session.verify = authority or True
    session.headers["Accept-Encoding"] = "identity"
    session.headers["User-Agent"] = "gatehouse"
    session.adapters.clear()
    session.mount("https://", _Bounded())


def fetch(session: requests.Session, url: str, token: str = "") -> dict[str, Any]:
    """The JSON object at `url`, asked for with a bearer `token` if any; raises `ProviderUnavailable`."""
    headers = {"Accept": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    try:
        answer = requests.Session.request(
            session, "GET", url, headers=headers, auth=_as_written, allow_redirects=False
        )
    except requests.RequestException as error:
        raise unavailable(error) from error
    if answer.status_code != 200:
        raise ProviderUnavailable(f"the provider answered with status {answer.status_code}")
    return parsed(answer.content)


def parsed(content: bytes) -> dict[str, Any]:
    """The JSON object in `content`; raises `ProviderUnavailable`."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ProviderUnavailable("the provider did not answer in JSON") from error
    if not isinstance(found, dict):
        raise ProviderUnavailable("the provider did not answer with a JSON object")
    return found


def unavailable(error: Exception) -> ProviderUnavailable:
    """`error` of the HTTP library in words that quote nothing."""
    return ProviderUnavailable(
        f"the provider cannot be reached ({type(error).__name__})",
        "check provider.issuer, provider.authority and the network",
    )


def _as_written(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps the library from looking for other credentials."""
    return request


class _Bounded(HTTPAdapter):
    """Reads every answer at once, up to a size and until a time."""

    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        until = time.monotonic() + _WHOLE
        options.update(stream=True, timeout=(_CONNECT, _READ))
        response = super().send(request, **options)
        try:
            if response.is_redirect or response.headers.get("Content-Encoding"):
                raise requests.exceptions.InvalidSchema("a redirect or an encoding")
            content = bytearray()
            while part := response.raw.read1(8192):
                content += part
                if len(content) > LARGEST:
                    raise requests.exceptions.ContentDecodingError("too long")
                if time.monotonic() > until:
                    raise requests.exceptions.ReadTimeout("too slow")
        except (requests.RequestException, OSError):
            response.close()
            raise
        except Exception as error:  # urllib3's own, which requests would have translated
            response.close()
            raise requests.exceptions.ConnectionError(type(error).__name__) from error
        response.raw.close()
        response._content, response._content_consumed = bytes(content), True
        return response

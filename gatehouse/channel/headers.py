"""The security headers that every response carries, errors included.

Set in one place, after everything else, so that no handler and no library can forget or weaken
them. `Access-Control-*` headers, which Rasa adds to every answer, are removed: the protocol is
same-origin only.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from sanic.response import BaseHTTPResponse

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{name} {value}" for name, value in _SOURCES.items())

_FEATURES = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "screen-wake-lock",
    "usb",
    "xr-spatial-tracking",
)

_PASSKEYS = ("publickey-credentials-create", "publickey-credentials-get")

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Permissions-Policy": ", ".join(
        [*(f"{name}=()" for name in _FEATURES), *(f"{name}=(self)" for name in _PASSKEYS)]
    ),
    "Cache-Control": "no-store",
}

_YEAR = 31_536_000
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def strict_transport(origin: str) -> str:
    """The HSTS value for `origin` (RFC 6797).

    Five minutes for a loopback host: the header holds for every port of a host, and a year of it
    would break whatever else a developer serves on `localhost`.
    """
    if urlsplit(origin).hostname in _LOCAL_HOSTS:
        return "max-age=300"
    return f"max-age={_YEAR}; includeSubDomains"


def header_set(origin: str, framed_by: tuple[str, ...] = ()) -> Mapping[str, str]:
    """The headers of a deployment at `origin` that pages of the origins `framed_by` may embed.

    `X-Frame-Options` cannot name origins, so it goes where there are any; every browser that knows
    the policy's `frame-ancestors` ignores it anyway (CSP Level 3 section 6.4.2).
    """
    found = {**HEADERS, "Strict-Transport-Security": strict_transport(origin)}
    if framed_by:
        del found["X-Frame-Options"]
        found["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
            "frame-ancestors 'none'", f"frame-ancestors {' '.join(framed_by)}"
        )
    return found


def secure(response: BaseHTTPResponse, headers: Mapping[str, str]) -> None:
    """Give `response` every one of `headers` and take away what opens it to other origins."""
    for name in [name for name in response.headers if name.lower().startswith("access-control-")]:
        response.headers.popall(name, None)
    for name, value in headers.items():
        response.headers[name] = value

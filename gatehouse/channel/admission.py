"""Which requests may come in at all, decided before any handler runs.

HTTPS only, known host, known route, and for anything that changes state: from our own page (ASVS
5.0 V3.5: Origin, Sec-Fetch-Site, CSRF token). Headers that a proxy adds are believed only from the
configured proxies.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from sanic.request import Request

from gatehouse.channel.failures import ApiError
from gatehouse.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST", "DELETE"}
CSRF_HEADER = "x-csrf-token"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Admission:
    """The rules of one deployment."""

    def __init__(self, settings: Settings) -> None:
        server = settings.server
        self.origins = _origins(settings)
        self._hosts = frozenset(urlsplit(origin).netloc for origin in self.origins)
        self._proxies = tuple(
            ipaddress.ip_network(address, strict=False) for address in server.trusted_proxies
        )

    def check_transport(self, request: Request, *, any_host: bool = False) -> None:
        """Raises `ApiError` 403 for plain HTTP, 421 for a host that is not ours unless `any_host`."""
        by_proxy = self._from_proxy(request)
        over_tls = bool(request.conn_info and request.conn_info.ssl)
        forwarded = request.headers.getall("x-forwarded-proto", []) if by_proxy else []
        if not over_tls and [value.strip().lower() for value in forwarded] != ["https"]:
            raise ApiError(403, "https_required", "Use https:// to reach this address.")
        if (
            not by_proxy
            and not any_host
            and request.headers.get("host", "").lower() not in self._hosts
        ):
            raise ApiError(421, "host", "This is not the address of this service.")

    def check_method(self, request: Request) -> None:
        """Raises `ApiError` 405, also for OPTIONS: there is no cross-origin use."""
        if request.method not in METHODS:
            raise ApiError(405, "method", "This address does not take that kind of request.")

    def check_origin(self, request: Request) -> None:
        """Raises `ApiError` 403 unless the request comes from a page of ours."""
        site = request.headers.get("sec-fetch-site")
        if request.method in SAFE_METHODS:
            if site not in (None, "same-origin", "none"):
                raise ApiError(403, "origin", "This request comes from another site.")
            return
        origin = request.headers.getall("origin", [])
        if len(origin) != 1 or origin[0] not in self.origins or site not in (None, "same-origin"):
            raise ApiError(403, "origin", "This request comes from another site.")

    def source(self, request: Request) -> str:
        """The address that the request came from, as text; `unknown` when there is none."""
        peer = _address(request.ip)
        if peer is None:
            return "unknown"
        if not self._is_proxy(peer):
            return str(peer)
        # The nearest address that is not one of our own proxies is the only one to believe.
        named = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
        for item in reversed(named):
            address = _address(item.strip())
            if address is None:
                break
            if not self._is_proxy(address):
                return str(address)
        return str(peer)

    def is_proxy(self, address: str) -> bool:
        """Whether `address` is one of the configured proxies."""
        found = _address(address)
        return found is not None and self._is_proxy(found)

    def _from_proxy(self, request: Request) -> bool:
        peer = _address(request.ip)
        return peer is not None and self._is_proxy(peer)

    def _is_proxy(self, address: _Address) -> bool:
        return any(address in network for network in self._proxies)


def check_csrf(request: Request, expected: str) -> None:
    """Raises `ApiError` 403 unless the request shows the session's CSRF token."""
    shown = request.headers.getall(CSRF_HEADER, [])
    given = shown[0].encode("utf-8", "surrogatepass") if len(shown) == 1 else b""
    if not hmac.compare_digest(given, expected.encode()):
        raise ApiError(403, "csrf", "Please reload the page and try again.")


def network_zone(source: str) -> str:
    """`local` (this machine), `internal` (private addresses) or `external`, for policies."""
    address = _address(source)
    if address is None:
        return "external"
    if address.is_loopback:
        return "local"
    return "internal" if address.is_private else "external"


def _origins(settings: Settings) -> frozenset[str]:
    server = settings.server
    origins = {server.origin.rstrip("/")}
    if not server.public_origin:
        origins |= {f"https://127.0.0.1:{server.port}", f"https://[::1]:{server.port}"}
    return frozenset(origins)


def _address(text: str | None) -> _Address | None:
    try:
        address = ipaddress.ip_address((text or "").strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address

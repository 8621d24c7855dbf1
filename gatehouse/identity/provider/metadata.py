"""What a provider says about itself (OpenID Connect Discovery 1.0), and its keys.

The issuer is pinned by the settings, and a document that names another is refused. Keys are kept for
an hour; a key that is not known is looked for at most once a minute, so that forged tokens cannot make
this server ask all the time. When the provider is away, what it said less than a day ago holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.provider.errors import ProviderUnavailable

FRESH, STALE, AGAIN = 3600.0, 86400.0, 60.0  # seconds
MOST_KEYS = 50
LEAST_RSA = 2048  # bits

T = TypeVar("T")

_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """The parts of the document that are used; every address is https."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    userinfo_endpoint: str
    names_itself: bool  # the answer carries `iss` (RFC 9207)
    offers_s256: bool
    logs_out: bool
    algorithms: frozenset[str]


class Kept(Generic[T]):
    """A value that is fetched again when it is old, and survives that the provider is away."""

    def __init__(self, clock: Clock, fetch: Callable[[], T]) -> None:
        self._clock = clock
        self._fetch = fetch
        self._lock = threading.Lock()
        self._value: T | None = None
        self._at = self._tried = float("-inf")

    def get(self, *, renew: bool = False) -> T:
        """The value; with `renew` a newer one, unless it was just looked for."""
        with self._lock:
            now = self._clock.now()
            age, since = abs(now - self._at), abs(now - self._tried)
            wanted = age >= FRESH or (renew and age > 0)
            if self._value is not None and (not wanted or since < AGAIN):
                return self._value
            try:
                self._value, self._at = self._fetch(), now
            except GatehouseError:
                if self._value is None or age >= STALE:
                    raise
            finally:
                self._tried = now
            return self._value


class Published:
    """Metadata and keys of the provider with this `issuer`; `fetch` reads one address."""

    def __init__(self, issuer: str, clock: Clock, fetch: Callable[[str], dict[str, Any]]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._metadata = Kept(clock, self._read_metadata)
        self._keys = Kept(clock, self._read_keys)

    def metadata(self) -> Metadata:
        """What the provider says about itself; raises `ProviderUnavailable`."""
        return self._metadata.get()

    def key(self, key_id: str | None, kind: str) -> Key | None:
        """The signing key with this id, of this kind (`RSA`, `EC`, `OKP`); None when there is none.

        Without an id there must be exactly one of the kind. Raises `ProviderUnavailable`.
        """
        return _pick(self._keys.get(), key_id, kind) or _pick(
            self._keys.get(renew=True), key_id, kind
        )

    def kinds(self) -> frozenset[str]:
        """Of which kinds there are signing keys; raises `ProviderUnavailable`."""
        return frozenset(key.key_type for key in self._keys.get())

    def _read_metadata(self) -> Metadata:
        document = self._fetch(self._issuer.rstrip("/") + _WELL_KNOWN)
        if document.get("issuer") != self._issuer:
            raise ProviderUnavailable(
                "the provider calls itself something else than provider.issuer",
                "write the issuer exactly as its openid-configuration has it",
            )
        methods = document.get("code_challenge_methods_supported")
        return Metadata(
            issuer=self._issuer,
            authorization_endpoint=_address(document, "authorization_endpoint"),
            token_endpoint=_address(document, "token_endpoint"),
            jwks_uri=_address(document, "jwks_uri"),
            end_session_endpoint=_address(document, "end_session_endpoint", needed=False),
            userinfo_endpoint=_address(document, "userinfo_endpoint", needed=False),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
            offers_s256=isinstance(methods, list) and "S256" in methods,
            logs_out=document.get("backchannel_logout_supported") is True,
            algorithms=frozenset(_texts(document, "id_token_signing_alg_values_supported")),
        )

    def _read_keys(self) -> tuple[Key, ...]:
        found = self._fetch(self.metadata().jwks_uri).get("keys")
        if not isinstance(found, list) or len(found) > MOST_KEYS:
            raise ProviderUnavailable("the provider's keys cannot be read")
        return tuple(key for item in found if (key := _usable(item)) is not None)


def _usable(item: object) -> Key | None:
    """A public key for signatures, None for whatever else is in the list."""
    if not isinstance(item, dict) or item.get("use", "sig") != "sig":
        return None
    try:
        key = import_key(item)
        if isinstance(key, RSAKey) and key.raw_value.key_size < LEAST_RSA:
            return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None


def _pick(keys: tuple[Key, ...], key_id: str | None, kind: str) -> Key | None:
    fitting = [key for key in keys if key.key_type == kind and key_id in (None, key.kid)]
    return fitting[0] if len(fitting) == 1 else None


def _address(document: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    value = document.get(name)
    if value is None and not needed:
        return ""
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme != "https" or not parts.hostname or parts.fragment:
        raise ProviderUnavailable(f"the provider's {name} is not an https address")
    return str(value)


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

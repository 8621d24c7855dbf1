"""Signed identity assertions: who sent one message, for one conversation, for one minute.

The channel issues one per message (a JWT, RFC 7519, signed with Ed25519, RFC 8037); the dialogue
policy and every guarded action verify it. It names the words of its message by their digest, so that
it vouches for nothing else that is said. Verification follows RFC 8725: one algorithm, named here
and never taken from the token, and no key but those configured. It must refuse whatever object it
is handed, with a reason, and must let no other exception out.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.people import ROLES
from gatehouse.identity.rotating import SigningKey

METADATA_KEY = "gatehouse_assertion"
"""Where the token travels in the metadata of a Rasa message."""

ISSUER = "gatehouse-channel"
AUDIENCE = "gatehouse"
TYPE = "gatehouse-assertion+jwt"
LIFETIME = 60
SKEW = 5
"""Seconds that the issuer's clock may be ahead of the verifier's."""

MAX_TOKEN = 16384
"""Characters; the longest names and departments of a directory fit."""

_ALGORITHM = "EdDSA"


class AssertionRefused(GatehouseError):
    """The assertion proves nothing. `reason` is one of `missing`, `not_text`, `too_large`,
    `malformed`, `algorithm`, `type`, `unknown_key`, `signature`, `issuer`, `audience`, `claims`,
    `expired`, `future`, `conversation`, `message` and `content`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the identity assertion was refused: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the channel vouches for about the sender of one message; times in epoch seconds."""

    person_id: str = field(repr=False)
    roles: frozenset[str]
    department: str = field(repr=False)
    employment_type: str = field(repr=False)
    employee_id: str = field(repr=False)
    display_name: str = field(repr=False)
    session_id: str = field(repr=False)
    session_started_at: float
    conversation_id: str = field(repr=False)
    message_id: str = field(repr=False)
    content: str = field(repr=False)
    channel: str
    network_zone: str
    aal: int
    aal_at: float | None
    grant_id: str | None = field(repr=False)
    issued_at: float
    expires_at: float


_TEXTS = {
    "sub": "person_id",
    "department": "department",
    "employment_type": "employment_type",
    "employee_id": "employee_id",
    "name": "display_name",
    "sid": "session_id",
    "conversation": "conversation_id",
    "jti": "message_id",
    "content": "content",
    "channel": "channel",
    "zone": "network_zone",
}
_TIMES = {"iat": "issued_at", "exp": "expires_at", "session_started": "session_started_at"}
_NEVER_EMPTY = ("sub", "sid", "conversation", "jti", "content")
_REQUIRED = ("iss", "aud", "roles", "aal", *_TEXTS, *_TIMES)
_CLAIMS = {*_REQUIRED, "aal_at", "grant"}


class SigningKeys(Protocol):
    """Where signatures come from; each secret is the 32-byte seed of an Ed25519 key."""

    def newest(self) -> SigningKey: ...

    def find(self, key_id: str) -> bytes | None: ...


def content_digest(text: object) -> str:
    """The digest of the words of a message exactly as Rasa gets them (64 hexadecimal digits).

    Rasa strips what it is given, so white space around the words does not count.
    """
    words = text.strip() if isinstance(text, str) else ""
    material = b"gatehouse message v1\n" + words.encode("utf-8", "surrogatepass")
    return hashlib.sha256(material).hexdigest()


class Issuer:
    """Signs assertions with the newest of `keys`; only the channel uses one."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self.keys = keys
        self._clock = clock

    def issue(
        self,
        *,
        person_id: str,
        roles: Collection[str],
        session_id: str,
        session_started_at: float,
        conversation_id: str,
        message_id: str,
        text: str,
        channel: str,
        network_zone: str = "",
        aal: int = 1,
        aal_at: float | None = None,
        grant_id: str | None = None,
        department: str = "",
        employment_type: str = "",
        employee_id: str = "",
        display_name: str = "",
    ) -> str:
        """A token that is good for one minute from now, for a message with this `text` alone."""
        now = self._clock.now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME,
            "sub": person_id,
            "roles": sorted(roles),
            "department": department,
            "employment_type": employment_type,
            "employee_id": employee_id,
            "name": display_name,
            "sid": session_id,
            "session_started": session_started_at,
            "conversation": conversation_id,
            "jti": message_id,
            "content": content_digest(text),
            "channel": channel,
            "zone": network_zone,
            "aal": aal,
            "aal_at": aal_at,
            "grant": grant_id,
        }
        key = self.keys.newest()
        signer = Ed25519PrivateKey.from_private_bytes(key.secret)
        headers = {"kid": key.id, "typ": TYPE}
        return jwt.encode(claims, signer, algorithm=_ALGORITHM, headers=headers)


class Verifier:
    """Checks assertions against `keys`; several are good while they are rotated."""

    def __init__(self, keys: SigningKeys, clock: Clock, *, roles: Collection[str] = ROLES) -> None:
        self._keys = keys
        self._clock = clock
        self._roles = frozenset(roles)

    def verify(
        self, token: object, conversation_id: str, text: object, message_id: str | None = None
    ) -> Assertion:
        """The assertion in `token`, if it is genuine, current and for these words of this conversation.

        `text` is the message as Rasa has it. With `message_id` it must also be for that message.
        Raises `AssertionRefused`, whatever `token` is, or an error of the key ring.
        """
        try:
            assertion = self._read(self._claims(_text(token)))
        except GatehouseError:
            raise
        except Exception as error:
            # Whatever a parser stumbled over, nothing was proven.
            raise AssertionRefused("malformed") from error
        if not _same(assertion.conversation_id, conversation_id):
            raise AssertionRefused("conversation")
        if message_id is not None and not _same(assertion.message_id, message_id):
            raise AssertionRefused("message")
        if not _same(assertion.content, content_digest(text)):
            raise AssertionRefused("content")
        return assertion

    def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != _ALGORITHM:
            raise AssertionRefused("algorithm")
        if header.get("typ") != TYPE or set(header) != {"alg", "typ", "kid"}:
            raise AssertionRefused("type")
        seed = self._keys.find(str(header["kid"]))
        if seed is None:
            raise AssertionRefused("unknown_key")
        key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        try:
            # Times are checked below, against the injected clock instead of the machine's.
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": list(_REQUIRED),
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise AssertionRefused(_reason(error)) from None

    def _read(self, claims: Mapping[str, Any]) -> Assertion:
        _require(set(claims) == _CLAIMS)
        texts = {field: _checked(claims[name], _is_text) for name, field in _TEXTS.items()}
        times = {field: _checked(claims[name], _is_time) for name, field in _TIMES.items()}
        _require(all(claims[name] for name in _NEVER_EMPTY))
        assertion = Assertion(
            **texts,
            **times,
            roles=self._roles_of(claims["roles"]),
            aal=_checked(claims["aal"], _is_level),
            aal_at=_checked(claims["aal_at"], lambda value: value is None or _is_time(value)),
            grant_id=_checked(claims["grant"], lambda value: value is None or _is_text(value)),
        )
        self._check_times(assertion)
        return assertion

    def _check_times(self, assertion: Assertion) -> None:
        now = self._clock.now()
        _require(0 < assertion.expires_at - assertion.issued_at <= LIFETIME + 0.001)
        if assertion.issued_at > now + SKEW:
            raise AssertionRefused("future")
        if now >= assertion.expires_at:
            raise AssertionRefused("expired")

    def _roles_of(self, given: object) -> frozenset[str]:
        _require(isinstance(given, list) and all(_is_text(role) for role in given))
        roles = frozenset(given) if isinstance(given, list) else frozenset()
        _require(roles <= self._roles)
        return roles


def _text(token: object) -> str:
    if token is None or token == "":
        raise AssertionRefused("missing")
    if not isinstance(token, str):
        raise AssertionRefused("not_text")
    if len(token) > MAX_TOKEN:
        raise AssertionRefused("too_large")
    return token


def _reason(error: jwt.InvalidTokenError) -> str:
    reasons: tuple[tuple[type[jwt.InvalidTokenError], str], ...] = (
        (jwt.InvalidSignatureError, "signature"),
        (jwt.InvalidIssuerError, "issuer"),
        (jwt.InvalidAudienceError, "audience"),
        (jwt.InvalidAlgorithmError, "algorithm"),
        (jwt.MissingRequiredClaimError, "claims"),
    )
    return next((reason for kind, reason in reasons if isinstance(error, kind)), "malformed")


def _require(holds: bool) -> None:
    if not holds:
        raise AssertionRefused("claims")


def _checked(value: Any, test: Callable[[object], bool]) -> Any:
    _require(test(value))
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 500


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_level(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 3


def _same(one: str, other: object) -> bool:
    return isinstance(other, str) and hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )

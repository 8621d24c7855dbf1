"""Passkeys and security keys (W3C Web Authentication Level 3) as a second factor.

What the authenticator signs is the digest of exactly the request that the person saw, so an assertion is
worth nothing for another one, on another site, or twice. User verification (a PIN, a finger) is always
required. A signature counter that goes back is how a copied key shows (section 6.1.1): such a key is
suspended at once. Only the public key is stored, sealed for its person, so that nobody can put another
in its place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from gatehouse.errors import InvalidInput
from gatehouse.identity.people import Person
from gatehouse.stepup.authenticators import Authenticators
from gatehouse.stepup.factors import Offer
from gatehouse.stepup.refusals import CodeRefused
from gatehouse.stepup.schema import authenticators as table

TIMEOUT_MS: Final = 300_000
ALGORITHMS: Final = (-7, -8, -257)  # ES256, EdDSA, RS256
MOST_ID: Final = 1364  # characters of a credential id of 1 023 bytes

_ASSERTION: Final = ("clientDataJSON", "authenticatorData", "signature")
_REGISTRATION: Final = ("clientDataJSON", "attestationObject")


@dataclass(frozen=True, slots=True)
class Site:
    """Whom passkeys are made for: the origin of the page, its domain, pages that may frame it."""

    origin: str
    rp_id: str
    framed_by: tuple[str, ...] = ()
    name: str = "Gatehouse"


@dataclass(frozen=True, slots=True)
class _Key:
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    transports: tuple[str, ...] = ()


class Passkeys:
    """The passkeys of a deployment; `key` is 32 bytes. `alarm` hears of a person whose passkey showed
    itself copied, after it was suspended."""

    kind: Final = "webauthn"

    def __init__(
        self,
        key: bytes,
        authenticators: Authenticators,
        site: Site,
        alarm: Callable[[str], None] = lambda person_id: None,
    ) -> None:
        if len(key) != 32:
            raise ValueError("the key of the passkeys must have 32 bytes")
        self._key = key
        self._authenticators = authenticators
        self._site = site
        self._alarm = alarm

    # As a factor

    def offers(self, person_id: str) -> tuple[Offer, ...]:
        """The person's passkeys that are not suspended."""
        every = self._authenticators.of(person_id, self.kind)
        return tuple(Offer(one.id, self.kind, one.name) for one in every if not one.suspended)

    def candidates(self, person_id: str, about: str = "") -> int:
        """None: a signature is not guessed."""
        return 0

    def reads(self, answer: object) -> bool:
        """Whether `answer` is an assertion."""
        return isinstance(answer, dict)

    def options(self, person_id: str, about: str) -> Mapping[str, Any] | None:
        """`PublicKeyCredentialRequestOptionsJSON` for a request; None for somebody without a passkey."""
        keys = [self._opened(row) for row in self._usable(person_id)]
        if not keys:
            return None
        return {
            "challenge": _text(bytes.fromhex(about)),
            "rpId": self._site.rp_id,
            "allowCredentials": [_described(key) for key in keys],
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        }

    def verify(self, person_id: str, answer: object, about: str) -> int:
        """Take an assertion over the request `about`, once; raises `CodeRefused` (`cloned` for a counter
        that went back). The number stands for the request and the key, and is negative."""
        from webauthn import verify_authentication_response

        given = _checked(answer, _ASSERTION)
        rows = self._usable(person_id)
        if not rows:
            raise CodeRefused("not_enrolled")
        row = next((one for one in rows if self._is_of(one, given["id"])), None)
        if row is None:
            raise CodeRefused("wrong")
        self._require_place(given["response"]["clientDataJSON"])
        self._require_person(person_id, given["response"].get("userHandle"))
        public_key = self._opened(row).public_key
        try:
            found = verify_authentication_response(
                credential=given,
                expected_challenge=bytes.fromhex(about),
                expected_rp_id=self._site.rp_id,
                expected_origin=self._site.origin,
                credential_public_key=public_key,
                credential_current_sign_count=0,  # compared below, in one step with its use
                require_user_verification=True,
            )
        except Exception as error:
            raise CodeRefused("wrong") from error
        eligible = found.credential_device_type.value == "multi_device"
        if eligible != bool(row["backup"]):
            raise CodeRefused("wrong")  # section 6.1.3: this never changes in the life of a key
        self._take(row, found.new_sign_count, about, _backup(eligible, found.credential_backed_up))
        return _number(about, str(row["id"]))

    def remove(self, person_id: str) -> bool:
        """Forget the person's passkeys; false when there was none."""
        return self._authenticators.remove_all(person_id, self.kind) > 0

    # Setting up

    def check(self, address: str) -> str:
        if address:
            raise InvalidInput("A passkey has no address.")
        return ""

    def begin(
        self, person: Person, name: str, address: str, session_tag: str
    ) -> tuple[str, Mapping[str, Any]]:
        """Begin a registration; shows `PublicKeyCredentialCreationOptionsJSON` as `options`."""
        every = self._authenticators.rows(person.id, self.kind)
        identity = self._authenticators.begin(
            person.id, self.kind, b"", name=name, session_tag=session_tag
        )
        options = {
            "rp": {"id": self._site.rp_id, "name": self._site.name},
            "user": {
                "id": _text(self._handle(person.id)),
                "name": person.username,
                "displayName": person.display_name,
            },
            "challenge": _text(self._registration(identity, session_tag)),
            "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
            "timeout": TIMEOUT_MS,
            "excludeCredentials": [_described(self._opened(row)) for row in every],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "required",
            },
            "attestation": "none",
        }
        return identity, {"options": options}

    def confirm(
        self,
        person_id: str,
        identity: str,
        answer: object,
        session_tag: str,
        before: Callable[[], None],
    ) -> None:
        """Register the passkey of `answer`; raises `CodeRefused`, `TooManyAuthenticators`."""
        from webauthn import verify_registration_response
        from webauthn.helpers.cose import COSEAlgorithmIdentifier

        row = self._authenticators.pending(person_id, identity, session_tag)
        if row is None or row["kind"] != self.kind:
            raise CodeRefused("not_enrolled")
        given = _checked(answer, _REGISTRATION)
        self._require_place(given["response"]["clientDataJSON"])
        try:
            found = verify_registration_response(
                credential=given,
                expected_challenge=self._registration(identity, session_tag),
                expected_rp_id=self._site.rp_id,
                expected_origin=self._site.origin,
                require_user_verification=True,
                supported_pub_key_algs=[COSEAlgorithmIdentifier(one) for one in ALGORITHMS],
            )
        except Exception as error:
            raise CodeRefused("wrong") from error
        key = _Key(found.credential_id, found.credential_public_key, _transports(given))
        before()
        eligible = found.credential_device_type.value == "multi_device"
        try:
            done = self._authenticators.activate(
                person_id,
                identity,
                sealed=self._authenticators.seal(self.kind, identity, person_id, _encoded(key)),
                credential=self._tag(found.credential_id),
                last_step=found.sign_count,
                backup=_backup(eligible, found.credential_backed_up),
            )
        except sa.exc.IntegrityError as error:
            raise CodeRefused("wrong") from error  # section 7.1: an id is registered once
        if not done:
            raise CodeRefused("replayed")

    def _take(self, row: Any, count: int, about: str, backup: str) -> None:
        fresh = table.c.last_about != about
        counted = sa.or_(
            table.c.last_step < count, sa.and_(table.c.last_step == 0, sa.literal(count) == 0)
        )
        if self._authenticators.take_step(
            row["id"], count, fresh, counted, last_about=about, backup=backup
        ):
            return
        again = next(
            (one for one in self._usable(row["person_id"]) if one["id"] == row["id"]), None
        )
        if again is None or again["last_about"] == about:
            raise CodeRefused("replayed", _number(about, str(row["id"])))
        self._authenticators.suspend(row["person_id"], row["id"])
        self._alarm(row["person_id"])
        raise CodeRefused("cloned")

    def _usable(self, person_id: str) -> list[Any]:
        rows = self._authenticators.rows(person_id, self.kind)
        return [row for row in rows if row["suspended_at"] is None]

    def _opened(self, row: Any) -> _Key:
        found = json.loads(self._authenticators.secret(row))
        return _Key(
            urlsafe_b64decode(found["id"]),
            urlsafe_b64decode(found["key"]),
            tuple(found["transports"]),
        )

    def _is_of(self, row: Any, credential_id: str) -> bool:
        try:
            tag = self._tag(urlsafe_b64decode(credential_id + "=" * (-len(credential_id) % 4)))
        except ValueError:
            return False
        return hmac.compare_digest(str(row["credential"]), tag)

    def _require_place(self, client_data: str) -> None:
        """Refuse what was signed inside a page that may not frame ours."""
        try:
            found = json.loads(urlsafe_b64decode(client_data + "=" * (-len(client_data) % 4)))
            framed = bool(found.get("crossOrigin", False))
            top = found.get("topOrigin")
        except (ValueError, AttributeError) as error:
            raise CodeRefused("malformed") from error
        if framed and (not self._site.framed_by or top not in (None, *self._site.framed_by)):
            raise CodeRefused("wrong")

    def _require_person(self, person_id: str, handle: object) -> None:
        expected = _text(self._handle(person_id))
        if handle is not None and handle != expected:
            raise CodeRefused("wrong")

    def _registration(self, identity: str, session_tag: str) -> bytes:
        return self._mac("registration", identity, session_tag)

    def _handle(self, person_id: str) -> bytes:
        # Says nothing of the person to whoever finds the authenticator (section 14.6.1).
        return self._mac("user handle", person_id)

    def _tag(self, credential_id: bytes) -> str:
        return self._mac("credential", credential_id.hex()).hex()

    def _mac(self, *fields: str) -> bytes:
        material = "\n".join(("gatehouse passkeys v1", *fields)).encode()
        return hmac.new(self._key, material, hashlib.sha256).digest()


def _checked(answer: object, names: tuple[str, ...]) -> dict[str, Any]:
    """`answer` if it has the form of an assertion or registration; raises `CodeRefused`."""
    if not isinstance(answer, dict) or not isinstance(answer.get("response"), dict):
        raise CodeRefused("malformed")
    response = answer["response"]
    texts = [answer.get("id"), answer.get("rawId"), *(response.get(name) for name in names)]
    if answer.get("type") != "public-key" or not all(_is_base64(text) for text in texts):
        raise CodeRefused("malformed")
    if len(str(answer["id"])) > MOST_ID:
        raise CodeRefused("malformed")
    return answer


def _is_base64(text: object) -> bool:
    return (
        isinstance(text, str)
        and 0 < len(text) <= 1 << 14
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
    )


def _transports(given: Mapping[str, Any]) -> tuple[str, ...]:
    """How a browser may reach the authenticator; a hint, so what is odd is dropped."""
    named = given["response"].get("transports")
    known = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
    return tuple(one for one in known if isinstance(named, list) and one in named)


def _described(key: _Key) -> dict[str, Any]:
    return {
        "type": "public-key",
        "id": _text(key.credential_id),
        "transports": list(key.transports),
    }


def _encoded(key: _Key) -> bytes:
    found = {
        "id": urlsafe_b64encode(key.credential_id).decode(),
        "key": urlsafe_b64encode(key.public_key).decode(),
        "transports": list(key.transports),
    }
    return json.dumps(found).encode()


def _backup(eligible: bool, backed_up: bool) -> str:
    return ("backed_up" if backed_up else "eligible") if eligible else ""


def _number(about: str, identity: str) -> int:
    return -2 - int(hashlib.sha256(f"{about}{identity}".encode()).hexdigest()[:12], 16)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")

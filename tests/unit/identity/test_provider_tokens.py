"""No forged, foreign, old or mistaken token of a provider signs anybody in or out."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwk, jws

from gatehouse.clock import SettableClock
from gatehouse.identity.provider.errors import ProviderRefused, ProviderUnavailable
from gatehouse.identity.provider.metadata import FRESH, STALE
from gatehouse.identity.provider.tokens import LOGOUT_EVENT, OLDEST
from tests.unit.identity.provider_keys import EC, ED, ISSUER, NONCE, RSA, Stand, crafted, signed

OTHER = jwk.RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
HUGE = 10**400


@pytest.fixture
def stand() -> Stand:
    return Stand(SettableClock())


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "Ed25519")],
    ids=["RS256", "PS256", "ES256", "Ed25519"],
)
def test_a_good_token_is_believed(stand: Stand, key: Any, algorithm: str) -> None:
    """Under every algorithm that is allowed; also with the audience as a list."""
    for audience in ("gatehouse", ["gatehouse"]):
        token = signed(stand.claims(aud=audience), key, algorithm)
        assert "0001" == stand.tokens.identity(token, NONCE)["sub"]


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "no issuer": {"iss": None},
    "another issuer": {"iss": "https://evil.example"},
    "an issuer that looks alike": {"iss": ISSUER + "/"},
    "issuers": {"iss": [ISSUER]},
    "no audience": {"aud": None},
    "another audience": {"aud": "somebody-else"},
    "more audiences without azp": {"aud": ["gatehouse", "somebody-else"]},
    "azp of somebody else": {"azp": "somebody-else"},
    "azp of somebody else among more": {"aud": ["gatehouse", "other"], "azp": "other"},
    "an empty azp": {"azp": ""},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 1},
    "a subject without end": {"sub": "s" * 256},
    "no nonce": {"nonce": None},
    "another nonce": {"nonce": "of another flow"},
    "an empty nonce": {"nonce": ""},
    "a nonce that is no text": {"nonce": [NONCE]},
    "no expiry": {"exp": None},
    "expired": {"exp": 1_799_999_000},
    "an expiry that is no number": {"exp": "tomorrow"},
    "an expiry that is true": {"exp": True},
    "an expiry without end": {"exp": HUGE, "iat": HUGE},
    "no time": {"iat": None},
    "issued in the future": {"iat": 1_800_000_200},
    "issued long ago": {"iat": 1_800_000_000 - OLDEST - 120},
    "not yet good": {"nbf": 1_800_000_200},
    "signed in in the future": {"auth_time": 1_800_000_200},
    "signed in at no time": {"auth_time": "now"},
    "a logout token": {"events": {LOGOUT_EVENT: {}}},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "methods that are no list": {"amr": "mfa"},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_that_says_something_else_is_refused(stand: Stand, wrong: dict[str, Any]) -> None:
    """Genuinely signed by the provider, and not for this flow of this client now."""
    token = signed(stand.claims(**wrong))
    with pytest.raises(ProviderRefused) as refused:
        stand.tokens.identity(token, NONCE, "the access token")
    assert "token" == refused.value.reason
    assert NONCE not in str(refused.value)


def test_when_it_was_is_needed_if_it_was_asked_for(stand: Stand) -> None:
    """With `max_age` a token without `auth_time` is refused (Core section 3.1.3.7)."""
    with pytest.raises(ProviderRefused):
        stand.tokens.identity(signed(stand.claims()), NONCE, needs_auth_time=True)


def with_public_key_as_secret(stand: Stand) -> str:
    header, claims = {"alg": "HS256", "kid": "rsa-1"}, stand.claims()
    body = crafted(header, claims).rsplit(".", 1)[0]
    mac = hmac.new(RSA.as_pem(private=False), body.encode(), hashlib.sha256).digest()
    return crafted(header, claims, mac)


def with_its_own_key(stand: Stand) -> str:
    return signed(stand.claims(), OTHER, jwk=OTHER.as_dict(private=False))


def altered(stand: Stand) -> str:
    head, _, signature = signed(stand.claims()).split(".")
    body = crafted({}, stand.claims(sub="0002")).split(".")[1]
    return f"{head}.{body}.{signature}"


def unencoded(stand: Stand) -> str:
    return jws.serialize_compact(
        {"alg": "RS256", "kid": "rsa-1", "b64": False, "crit": ["b64"]},
        json.dumps(stand.claims()),
        RSA,
        algorithms=["RS256"],
    )


FORGED: dict[str, Callable[[Stand], object]] = {
    "no signature": lambda s: crafted({"alg": "none"}, s.claims()),
    "no signature, other case": lambda s: crafted({"alg": "nOnE", "kid": "rsa-1"}, s.claims()),
    "an empty signature": lambda s: crafted({"alg": "RS256", "kid": "rsa-1"}, s.claims()),
    "the public key as a secret": with_public_key_as_secret,
    "another key with the same id": lambda s: signed(s.claims(), OTHER),
    "a key that it brings": with_its_own_key,
    "a key from an address that it brings": lambda s: signed(
        s.claims(), OTHER, kid="x", jku="https://evil.example/jwks"
    ),
    "an unknown key": lambda s: signed(s.claims(), kid="rsa-2"),
    "no key id among several of a kind": lambda s: _two_of_a_kind(s),
    "a key of another kind": lambda s: crafted(
        {"alg": "ES256", "kid": "rsa-1"}, s.claims(), b"x" * 64
    ),
    "an algorithm that is not allowed": lambda s: signed(s.claims(), RSA, "RS384"),
    "altered words": altered,
    "an extension nobody knows": unencoded,
    "text": lambda s: "x",
    "nothing": lambda s: "",
    "no text": lambda s: None,
    "bytes": lambda s: signed(s.claims()).encode(),
    "two parts": lambda s: signed(s.claims()).rsplit(".", 1)[0],
    "five parts": lambda s: "a.b.c.d.e",
    "not ASCII": lambda s: signed(s.claims()) + "é",
    "a list": lambda s: crafted({"alg": "RS256", "kid": "rsa-1"}, []),
    "a header that is a list": lambda s: "W10." + signed(s.claims()).split(".", 1)[1],
    "too long": lambda s: signed(s.claims(padding="x" * 40_000)),
    "nested without end": lambda s: "eyJh" * 8000 + ".e30.AA",
}


def _two_of_a_kind(stand: Stand) -> str:
    stand.keys.append({**OTHER.as_dict(private=False), "kid": "rsa-2"})
    return signed(stand.claims(), kid=None)


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(stand: Stand, forge: Callable[[Stand], object]) -> None:
    """Whatever it is, as an identity and as the end of one: one error and no other."""
    for read in (lambda token: stand.tokens.identity(token, NONCE), stand.tokens.logout):
        with pytest.raises(ProviderRefused):
            read(forge(stand))


def test_a_key_that_signs_otherwise_is_not_used(stand: Stand) -> None:
    """A key that is published for one algorithm verifies no other, one for encryption none."""
    stand.keys = [{**RSA.as_dict(private=False), "alg": "PS256"}]
    with pytest.raises(ProviderRefused):
        stand.tokens.identity(signed(stand.claims()), NONCE)
    stand.keys = [{**EC.as_dict(private=False), "use": "enc"}]
    stand.clock.advance(FRESH)
    with pytest.raises(ProviderRefused):
        stand.tokens.identity(signed(stand.claims(), EC, "ES256"), NONCE)


WRONG_LOGOUTS: dict[str, dict[str, Any]] = {
    "an ID token": {"events": None, "nonce": NONCE},
    "a nonce": {"nonce": NONCE},
    "no events": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is no object": {"events": {LOGOUT_EVENT: True}},
    "neither subject nor session": {"sub": None, "sid": None},
    "a subject that is no text": {"sub": 7},
    "no id": {"jti": None},
    "an id that is no text": {"jti": 7},
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "somebody-else"},
    "more audiences": {"aud": ["gatehouse", "somebody-else"]},
    "issued long ago": {"iat": 1_799_999_000},
    "issued in the future": {"iat": 1_800_000_200},
    "expired": {"exp": 1_799_999_000},
    "no expiry": {"exp": None},
}


@pytest.mark.parametrize("wrong", WRONG_LOGOUTS.values(), ids=WRONG_LOGOUTS)
def test_a_message_that_is_no_logout_is_refused(stand: Stand, wrong: dict[str, Any]) -> None:
    """Back-Channel Logout 1.0 section 2.6: nobody is signed out by anything else."""
    with pytest.raises(ProviderRefused):
        stand.tokens.logout(signed(stand.logout_claims(**wrong), typ="logout+jwt"))


def test_a_logout_token_is_read(stand: Stand) -> None:
    """With and without its type; another type is another token."""
    for kind in ("logout+jwt", "JWT", None):
        said = stand.tokens.logout(signed(stand.logout_claims(), typ=kind))
        assert ("0001", "s-1", "j-1") == (said.subject, said.session, said.token_id)
    with pytest.raises(ProviderRefused):
        stand.tokens.logout(signed(stand.logout_claims(), typ="at+jwt"))


def test_new_keys_are_found_and_old_ones_go(stand: Stand) -> None:
    """A token under a new key is good at once; one under a key that was taken back is not."""
    stand.tokens.identity(signed(stand.claims()), NONCE)
    new = jwk.RSAKey.generate_key(2048, {"kid": "rsa-9", "use": "sig"})
    stand.keys = [new.as_dict(private=False)]
    stand.clock.advance(61)
    assert stand.tokens.identity(signed(stand.claims(), new), NONCE)
    with pytest.raises(ProviderRefused):
        stand.tokens.identity(signed(stand.claims()), NONCE)


def test_forged_key_ids_do_not_make_us_ask(stand: Stand) -> None:
    """A thousand tokens under unknown keys cost the provider one question a minute at most."""
    stand.tokens.identity(signed(stand.claims()), NONCE)
    before = len(stand.asked)
    for number in range(1000):
        with pytest.raises(ProviderRefused):
            stand.tokens.logout(crafted({"alg": "RS256", "kid": f"k{number}"}, {}, b"x"))
    assert before == len(stand.asked)
    stand.clock.advance(61)
    for number in range(10):
        with pytest.raises(ProviderRefused):
            stand.tokens.logout(crafted({"alg": "RS256", "kid": f"k{number}"}, {}, b"x"))
    assert before + 1 == len(stand.asked)


def test_a_provider_that_is_away_is_remembered_for_a_day(stand: Stand) -> None:
    """What it said holds meanwhile, and no longer."""
    stand.tokens.identity(signed(stand.claims()), NONCE)
    stand.away = True
    stand.clock.advance(FRESH + 60)
    assert stand.tokens.identity(signed(stand.claims()), NONCE)
    stand.clock.advance(STALE)
    with pytest.raises(ProviderUnavailable):
        stand.tokens.identity(signed(stand.claims()), NONCE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example"},
        {"issuer": ISSUER + "/"},
        {"token_endpoint": "http://idp.example.org/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": ["https://idp.example.org/auth"]},
        {"authorization_endpoint": "https:///auth"},
    ],
    ids=str,
)
def test_what_it_publishes_must_be_its_own_and_https(stand: Stand, wrong: dict[str, Any]) -> None:
    """The issuer is pinned, and no address is taken that is not https."""
    stand.document |= wrong
    with pytest.raises(ProviderUnavailable):
        stand.published.metadata()

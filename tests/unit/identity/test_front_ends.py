"""Front ends: what their keys prove, what nothing proves, and how they end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.identity import Person, SessionEnded, Sessions
from gatehouse.identity.front_ends import (
    FrontEnd,
    FrontEndRefused,
    FrontEnds,
    PublicKey,
    Terms,
    checked_scopes,
)
from gatehouse.identity.front_ends.signed import ASSERTION_TYPE, PROOF_TYPE, token_digest
from tests.front_end import SigningFrontEnd, certificate_request, public_jwk
from tests.unit.identity.conftest import KEY

TOKEN_ADDRESS = "https://desk.example.org/api/v1/token"
REGISTER = "https://desk.example.org/api/v1/front-ends"
MESSAGES = "https://desk.example.org/api/v1/messages"
DAY = 86400.0


@pytest.fixture
def front_ends(engine: Engine, clock: SettableClock) -> FrontEnds:
    return FrontEnds(engine, clock, KEY)


Kit = tuple[SigningFrontEnd, FrontEnd]


def registered(
    front_ends: FrontEnds, erin: Person, clock: SettableClock, algorithm: str = "EdDSA"
) -> Kit:
    signer = SigningFrontEnd(clock.now, algorithm)
    key = PublicKey.of(signer.jwk)
    made = front_ends.register(
        erin.id, "Kiosk", "kiosk.example.org", ["chat", "history"], key, 90 * DAY
    )
    signer.id, signer.domain = made.id, made.domain
    return signer, made


@pytest.fixture(params=["EdDSA", "ES256"])
def kit(
    request: pytest.FixtureRequest, front_ends: FrontEnds, erin: Person, clock: SettableClock
) -> Kit:
    return registered(front_ends, erin, clock, request.param)


def refused(front_ends: FrontEnds, assertion: object) -> str:
    with pytest.raises(FrontEndRefused) as caught:
        front_ends.prove(assertion, TOKEN_ADDRESS)
    return caught.value.reason


def test_a_key_proves_its_front_end(front_ends: FrontEnds, kit: Kit) -> None:
    """Either algorithm: the assertion names the front end and the key that signed it."""
    signer, made = kit
    found, key_id = front_ends.prove(signer.assertion(TOKEN_ADDRESS), TOKEN_ADDRESS)
    assert (made, signer.key_id) == (found, key_id)


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {**claims, **members}


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("audience", _with(aud="https://elsewhere.example.org/api/v1/token")),
        ("audience", _with(aud=[TOKEN_ADDRESS])),
        ("audience", _with(aud=TOKEN_ADDRESS + "/")),
        ("claims", _with(iss="fe-of-somebody-else")),
        ("claims", _with(sub="fe-of-somebody-else")),
        ("domain", _with(domain="other.example.org")),
        ("domain", _with(domain=7)),
        ("claims", _with(roles=["administrator"])),
        ("claims", _with(jti="short")),
        ("claims", _with(jti="x" * 65)),
        ("claims", _with(iat="now")),
        ("claims", _with(iat=10**300)),
        ("claims", _with(iat=-1)),
        ("claims", _with(exp=True)),
        *(("claims", _without(name)) for name in ("iss", "sub", "aud", "iat", "exp", "jti")),
        ("claims", _without("domain")),
        ("claims", lambda claims: {**claims, "exp": claims["iat"] + 61}),
        ("claims", lambda claims: {**claims, "exp": claims["iat"]}),
        ("expired", lambda claims: {**claims, "iat": claims["iat"] - 61, "exp": claims["iat"] - 1}),
        ("future", lambda claims: {**claims, "iat": claims["iat"] + 6, "exp": claims["exp"] + 6}),
    ],
)
def test_an_assertion_with_other_members_is_refused(
    front_ends: FrontEnds,
    erin: Person,
    clock: SettableClock,
    reason: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Another address, another front end or domain, missing, more, stale or long-lived: nothing."""
    signer, _ = registered(front_ends, erin, clock)
    claims = change(signer.claims(TOKEN_ADDRESS))
    assert reason == refused(front_ends, signer.signed(claims, ASSERTION_TYPE, kid=signer.key_id))


def test_an_assertion_is_good_once(front_ends: FrontEnds, kit: Kit, clock: SettableClock) -> None:
    """Not again at once, and not after the clock was set back."""
    assertion = kit[0].assertion(TOKEN_ADDRESS)
    front_ends.prove(assertion, TOKEN_ADDRESS)
    assert "replayed" == refused(front_ends, assertion)
    clock.advance(3600)
    front_ends.prune()
    clock.advance(-3600)
    assert "replayed" == refused(front_ends, assertion)


def test_of_submissions_at_once_one_counts(
    any_engine: Engine, erin_there: Person, clock: SettableClock
) -> None:
    """One assertion in sixteen threads: one is taken, on either database."""
    front_ends = FrontEnds(any_engine, clock, KEY)
    assertion = registered(front_ends, erin_there, clock)[0].assertion(TOKEN_ADDRESS)

    def show(_: int) -> str:
        try:
            front_ends.prove(assertion, TOKEN_ADDRESS)
        except FrontEndRefused as refusal:
            return refusal.reason
        return "taken"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(show, range(16)))
    assert ["replayed"] * 15 + ["taken"] == answers


@pytest.fixture
def erin_there() -> Person:
    empty: Any = ""
    return Person(
        "p-0123456789ab", "erin", "Erin", frozenset(), empty, empty, empty, False, False, False
    )


def test_forged_assertions_are_refused(
    front_ends: FrontEnds, erin: Person, clock: SettableClock
) -> None:
    """No signature, another key, a shared secret made of the public key, another algorithm."""
    signer, _ = registered(front_ends, erin, clock)
    stranger, _ = registered(front_ends, erin, clock, "ES256")
    claims, kid = signer.claims(TOKEN_ADDRESS), signer.key_id
    header = {"typ": ASSERTION_TYPE, "kid": kid}
    unsigned = jwt.encode(claims, None, algorithm="none", headers=header)
    assert "algorithm" == refused(front_ends, unsigned)
    public = signer.private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    # The library would not sign with it, an attacker would.
    parts = [{"alg": "HS256", **header}, claims]
    head = ".".join(_b64(json.dumps(part).encode()) for part in parts)
    shared = _b64(hmac.new(public, head.encode(), hashlib.sha256).digest())
    assert "algorithm" == refused(front_ends, f"{head}.{shared}")
    other = SigningFrontEnd(clock.now, "EdDSA")
    other.id, other.domain = signer.id, signer.domain
    assert "signature" == refused(front_ends, other.signed(claims, ASSERTION_TYPE, kid=kid))
    assert "algorithm" == refused(front_ends, stranger.signed(claims, ASSERTION_TYPE, kid=kid))
    assert "unknown_key" == refused(front_ends, other.assertion(TOKEN_ADDRESS))
    # A good key, but the claims of somebody else's front end.
    foreign = stranger.signed(claims, ASSERTION_TYPE, kid=stranger.key_id)
    assert "claims" == refused(front_ends, foreign)
    embedded = other.signed(claims, ASSERTION_TYPE, kid=kid, jwk=other.jwk)
    assert "type" == refused(front_ends, embedded)
    proof = signer.proof("POST", TOKEN_ADDRESS, "x" * 43)
    assert "type" == refused(front_ends, proof)


@pytest.mark.parametrize("garbage", [None, "", 7, b"x", [], {}, "x", "a.b.c", "....", "\ud800.a.b"])
def test_garbage_proves_nothing(front_ends: FrontEnds, garbage: object) -> None:
    """Whatever it is handed, it refuses with a reason and nothing else."""
    assert refused(front_ends, garbage) in ("missing", "malformed")


@pytest.mark.parametrize("size", [4097, 10_000_000])
def test_huge_tokens_are_not_looked_at(front_ends: FrontEnds, kit: Kit, size: int) -> None:
    """Refused by their length, before anything is decoded."""
    assert "too_large" == refused(front_ends, "x" * size)
    deep = _b64(b'{"alg":' + b"[" * 1400 + b"}")
    assert "malformed" == refused(front_ends, f"{deep}.e30.AA")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def terms_of(kit: Kit, clock: SettableClock) -> Terms:
    signer, made = kit
    return Terms(made.id, signer.key_id, made.scopes, clock.now() + 600, clock.now() + 3600)


def test_a_proof_is_for_one_request(front_ends: FrontEnds, kit: Kit, clock: SettableClock) -> None:
    """Another method, address, token or key, a stale, early or repeated one: refused."""
    signer, made = kit
    terms, token = terms_of(kit, clock), "t" * 43

    def outcome(proof: str) -> str:
        try:
            return front_ends.check(terms, proof, "POST", MESSAGES, token).id
        except FrontEndRefused as refusal:
            return refusal.reason

    good = signer.proof("POST", MESSAGES, token)
    assert [made.id, "replayed"] == [outcome(good), outcome(good)]
    assert "request" == outcome(signer.proof("GET", MESSAGES, token))
    assert "request" == outcome(signer.proof("POST", MESSAGES + "?a=b", token))
    assert "token" == outcome(signer.proof("POST", MESSAGES, "u" * 43))
    claims = {
        "htm": "POST",
        "htu": MESSAGES,
        "iat": clock.now(),
        "jti": "i" * 16,
        "ath": token_digest(token),
    }
    for change, reason in ((-61, "expired"), (6, "future")):
        stale = {**claims, "iat": clock.now() + change}
        assert reason == outcome(signer.signed(stale, PROOF_TYPE, jwk=signer.jwk))
    assert "claims" == outcome(signer.signed({**claims, "x": 1}, PROOF_TYPE, jwk=signer.jwk))
    assert "type" == outcome(signer.assertion(MESSAGES))
    thief = SigningFrontEnd(clock.now, "EdDSA")
    assert "unknown_key" == outcome(thief.proof("POST", MESSAGES, token))
    # The header names the good key, the signature is the thief's.
    forged = thief.signed(claims, PROOF_TYPE, jwk=signer.jwk)
    assert outcome(forged) in ("signature", "algorithm")
    private = {**signer.jwk, "d": "A" * 43}
    assert "unknown_key" == outcome(signer.signed(claims, PROOF_TYPE, jwk=private))


def test_a_rotated_key_goes_on_for_the_overlap(
    front_ends: FrontEnds, kit: Kit, clock: SettableClock
) -> None:
    """Both keys are good meanwhile, afterwards the new one; a token of the old key ends with it."""
    old, made = kit
    new = SigningFrontEnd(clock.now, "EdDSA")
    new.id, new.domain = old.id, old.domain
    assert 1 == front_ends.rotate(made.id, PublicKey.of(new.jwk), 3600)
    terms = terms_of(kit, clock)
    for signer in (old, new):
        front_ends.prove(signer.assertion(TOKEN_ADDRESS), TOKEN_ADDRESS)
    front_ends.check(terms, old.proof("POST", MESSAGES, "t" * 43), "POST", MESSAGES, "t" * 43)
    clock.advance(3600)
    front_ends.prove(new.assertion(TOKEN_ADDRESS), TOKEN_ADDRESS)
    assert "unknown_key" == refused(front_ends, old.assertion(TOKEN_ADDRESS))
    with pytest.raises(FrontEndRefused):
        front_ends.check(terms, old.proof("POST", MESSAGES, "t" * 43), "POST", MESSAGES, "t" * 43)
    assert [new.key_id] == [key_id for key_id, _ in front_ends.keys_of(made.id)]


def test_front_ends_end(front_ends: FrontEnds, erin: Person, clock: SettableClock) -> None:
    """Revoked or out of time, none of its keys proves anything any more."""
    signer, made = registered(front_ends, erin, clock)
    assert [True, False] == [front_ends.revoke(made.id), front_ends.revoke(made.id)]
    assert "unknown_key" == refused(front_ends, signer.assertion(TOKEN_ADDRESS))
    again, _ = registered(front_ends, erin, clock)
    clock.advance(90 * DAY)
    assert "unknown_key" == refused(front_ends, again.assertion(TOKEN_ADDRESS))
    assert () == front_ends.of_person(erin.id)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("gh_front_ends", "scopes", "chat export history"),
        ("gh_front_ends", "person_id", "p-000000000000"),
        ("gh_front_ends", "domain", "evil.example.org"),
        ("gh_front_ends", "expires_at", 9e9),
        ("gh_front_end_keys", "ends_at", 9e9),
        ("gh_front_end_keys", "jwk", None),
    ],
)
def test_a_row_that_somebody_wrote_opens_nothing(
    front_ends: FrontEnds,
    erin: Person,
    clock: SettableClock,
    engine: Engine,
    table: str,
    column: str,
    value: Any,
) -> None:
    """Wider scopes, another person, a longer life or another key in the database: refused."""
    signer, _ = registered(front_ends, erin, clock)
    if value is None:
        value = PublicKey.of(public_jwk(Ed25519PrivateKey.generate())).jwk
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET {column} = :value"), {"value": value})
    assert "front_end" == refused(front_ends, signer.assertion(TOKEN_ADDRESS))


def test_a_key_has_one_owner(front_ends: FrontEnds, kit: Kit, erin: Person) -> None:
    """It cannot be registered a second time, for whomever; there are ten front ends at most."""
    key = PublicKey.of(kit[0].jwk)
    with pytest.raises(InvalidInput, match="registered already"):
        front_ends.register("p-other", "Thief", "kiosk.example.org", ["chat"], key, DAY)
    for _ in range(9):
        fresh = PublicKey.of(public_jwk(Ed25519PrivateKey.generate()))
        front_ends.register(erin.id, "Kiosk", "kiosk.example.org", ["chat"], fresh, DAY)
    fresh = PublicKey.of(public_jwk(Ed25519PrivateKey.generate()))
    with pytest.raises(InvalidInput, match="10 front ends"):
        front_ends.register(erin.id, "Kiosk", "kiosk.example.org", ["chat"], fresh, DAY)


X = "A" * 42 + "E"


@pytest.mark.parametrize(
    "members",
    [
        None,
        "text",
        {},
        {"kty": "oct", "k": X},
        {"kty": "RSA", "n": X, "e": "AQAB"},
        {"kty": "OKP", "crv": "X25519", "x": X},
        {"kty": "OKP", "crv": "Ed25519", "x": X, "d": X},
        {"kty": "OKP", "crv": "Ed25519", "x": X, "alg": "ES256"},
        {"kty": "OKP", "crv": "Ed25519", "x": X[:-1] + "F"},
        {"kty": "OKP", "crv": "Ed25519", "x": "short"},
        {"kty": "EC", "crv": "P-256", "x": X, "y": X},
        {"kty": "EC", "crv": "P-256", "x": X},
    ],
)
def test_other_keys_are_refused(members: object) -> None:
    """Secrets, private parts, other curves, points off the curve, a second spelling."""
    with pytest.raises(InvalidInput):
        PublicKey.of(members)


def test_keys_are_taken_from_whoever_holds_them() -> None:
    """Of both kinds; another domain, another curve, an altered or missing signature, or a bare key is refused."""
    for private in (Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        text = certificate_request(private, "kiosk.example.org")
        assert PublicKey.of(public_jwk(private)).id == PublicKey.held(text, "kiosk.example.org").id
    der = x509.load_pem_x509_csr(text).public_bytes(Encoding.DER)
    altered = base64.encodebytes(der[:-1] + bytes([der[-1] ^ 1])).decode()
    framed = f"-----BEGIN CERTIFICATE REQUEST-----\n{altered}-----END CERTIFICATE REQUEST-----\n"
    bare = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = certificate_request(ec.generate_private_key(ec.SECP384R1()), "kiosk.example.org")
    elsewhere = certificate_request(private, "kiosk.example.com")
    for wrong in (framed.encode(), bare, other, elsewhere, b"", b"nonsense"):
        with pytest.raises(InvalidInput):
            PublicKey.held(wrong, "kiosk.example.org")


def prove(front_ends: FrontEnds, signer: SigningFrontEnd, key: PublicKey, **changed: str) -> None:
    """That `signer` holds `key`, said for Erin and her kiosk or for what is `changed`."""
    claims = signer.first_claims("erin.walsh", "kiosk.example.org", REGISTER) | changed
    assertion = signer.signed(claims, ASSERTION_TYPE, kid=key.id)
    front_ends.prove_before(assertion, key, "erin.walsh", "kiosk.example.org", REGISTER)


def test_a_key_is_registered_by_who_holds_it(front_ends: FrontEnds, clock: SettableClock) -> None:
    """The private part, for this person, domain and address, and once; nothing else does."""
    holder, thief = SigningFrontEnd(clock.now), SigningFrontEnd(clock.now)
    key = PublicKey.of(holder.jwk)
    with pytest.raises(FrontEndRefused) as stolen:
        prove(front_ends, thief, key)
    assert "signature" == stolen.value.reason
    for changed in (
        {"sub": "marco.silva"},
        {"domain": "other.example.org"},
        {"aud": TOKEN_ADDRESS},
        {"iss": PublicKey.of(thief.jwk).uri},
    ):
        with pytest.raises(FrontEndRefused):
            prove(front_ends, holder, key, **changed)
    prove(front_ends, holder, key, jti="a" * 22)
    with pytest.raises(FrontEndRefused) as again:
        prove(front_ends, holder, key, jti="a" * 22)
    assert "replayed" == again.value.reason


@pytest.mark.parametrize("scopes", [[], ["admin"], ["chat", "Chat"]])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    """None at all, and any that is not known, are refused instead of left out."""
    with pytest.raises(InvalidInput):
        checked_scopes(scopes)


@pytest.mark.parametrize(
    "domain", ["", "KIOSK.example.org", "a b.c", "https://a.b", "x", "-a.b", "a" * 121]
)
def test_a_domain_is_a_name(front_ends: FrontEnds, erin: Person, domain: str) -> None:
    """One form only, so that the signed name cannot be mistaken for another."""
    key = PublicKey.of(public_jwk(Ed25519PrivateKey.generate()))
    with pytest.raises(InvalidInput, match="domain"):
        front_ends.register(erin.id, "Kiosk", domain, ["chat"], key, DAY)


def test_an_access_token_is_no_cookie(
    sessions: Sessions, erin: Person, front_ends: FrontEnds, kit: Kit, clock: SettableClock
) -> None:
    """Neither opens where the other belongs, and they have conversations of their own."""
    terms = terms_of(kit, clock)
    token, opened = sessions.open_token(erin, terms, "Kiosk")
    cookie, browser = sessions.open(erin)
    assert terms == sessions.resolve_token(token).terms
    assert opened.conversation_id != browser.conversation_id
    for look, given in ((sessions.resolve, token), (sessions.resolve_token, cookie)):
        with pytest.raises(SessionEnded) as caught:
            look(given)
        assert "unknown" == caught.value.reason
    assert browser.id == sessions.resolve(cookie).id


def test_a_token_ends_unless_it_is_renewed(
    sessions: Sessions, erin: Person, kit: Kit, clock: SettableClock
) -> None:
    """At its own time, whatever was said meanwhile; a renewal keeps the conversation, not the token."""
    terms = terms_of(kit, clock)
    token, opened = sessions.open_token(erin, terms, "Kiosk")
    clock.advance(500)
    later = Terms(terms.front_end, terms.key, terms.scopes, clock.now() + 600, terms.longest)
    fresh, renewed = sessions.renew_token(opened.id, later)
    assert opened.conversation_id == renewed.conversation_id
    with pytest.raises(SessionEnded):
        sessions.resolve_token(token)
    clock.advance(399)
    sessions.touch(opened.id)
    clock.advance(201)
    with pytest.raises(SessionEnded) as caught:
        sessions.resolve_token(fresh)
    assert "token" == caught.value.reason


@pytest.mark.parametrize(
    "change", ["terms = replace(terms, 'chat', 'export')", "client = ''", "client = 'fe-other'"]
)
def test_a_token_that_was_widened_ends(
    sessions: Sessions, erin: Person, kit: Kit, clock: SettableClock, engine: Engine, change: str
) -> None:
    """Scopes and owner are sealed into the session: a row that was edited opens for nobody."""
    token, opened = sessions.open_token(erin, terms_of(kit, clock), "Kiosk")
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE gh_sessions SET {change}"))
    for look in (sessions.resolve, sessions.resolve_token):
        with pytest.raises(SessionEnded):
            look(token)
    with pytest.raises(SessionEnded) as caught:
        sessions.get(opened.id)
    assert "tampered" == caught.value.reason

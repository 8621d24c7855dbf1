"""Signed assertions and the forgeries that must fail, each for its own reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.clock import SettableClock
from gatehouse.identity import Assertion, AssertionRefused, Issuer, Verifier, content_digest
from gatehouse.identity.assertions import LIFETIME, MAX_TOKEN, SKEW, TYPE
from tests.signing import FixedKeys

SEED = bytes(range(32))
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC_RAW = PRIVATE.public_key().public_bytes_raw()
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CONVERSATION = "c" * 32
NOW = 1_800_000_000.0
TEXT = "How many days of leave do I have left?"
FIELDS: dict[str, Any] = {
    "person_id": "p-0123456789ab",
    "roles": frozenset({"employee", "manager"}),
    "department": "Warehouse",
    "employment_type": "permanent",
    "employee_id": "E-1001",
    "display_name": "Erin Walsh",
    "session_id": "s" * 32,
    "session_started_at": NOW - 100.5,
    "conversation_id": CONVERSATION,
    "message_id": "m-1",
    "text": TEXT,
    "channel": "gatehouse",
    "network_zone": "office",
    "aal": 2,
    "aal_at": NOW - 10.25,
    "grant_id": "f" * 32,
}


def issuer_at(now: float = NOW) -> Issuer:
    return Issuer(FixedKeys(SEED), SettableClock(now))


def verifier(now: float = NOW) -> Verifier:
    return Verifier(FixedKeys(SEED), SettableClock(now))


def reason_for(token: object, *, now: float = NOW, conversation: str = CONVERSATION) -> str:
    with pytest.raises(AssertionRefused) as refused:
        verifier(now).verify(token, conversation, FIELDS["text"])
    return refused.value.reason


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(_decoded(header)), json.loads(_decoded(claims))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(document: object) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


GOOD = issuer_at().issue(**FIELDS)
HEADER, CLAIMS = parts(GOOD)


def signed(claims: object, key: Any = PRIVATE, **headers: Any) -> str:
    """A token with these claims and changed headers (None drops one), signed whatever it says."""
    header = {name: value for name, value in {**HEADER, **headers}.items() if value is not None}
    text = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{text}.{_encoded(key.sign(text.encode()))}"


def test_what_was_issued_is_what_is_verified() -> None:
    """Every field arrives unchanged, with the time of issue and one minute of life."""
    fields = {name: value for name, value in FIELDS.items() if name != "text"}
    expected = Assertion(
        **fields, content=content_digest(TEXT), issued_at=NOW, expires_at=NOW + LIFETIME
    )
    assert expected == verifier().verify(GOOD, CONVERSATION, TEXT)
    assert expected == verifier().verify(GOOD, CONVERSATION, TEXT, "m-1")


def test_the_longest_person_fits() -> None:
    """Names as long as the directory allows, in any script, do not make a token too large."""
    longest = {"display_name": "\U0001f642" * 200, "department": "\U0001f642" * 200}
    found = verifier().verify(issuer_at().issue(**{**FIELDS, **longest}), CONVERSATION, TEXT)
    assert "\U0001f642" * 200 == found.display_name


def test_absent_times_and_grants_stay_absent() -> None:
    """A session that was never elevated has no time of elevation and no grant."""
    token = issuer_at().issue(**{**FIELDS, "aal": 1, "aal_at": None, "grant_id": None})
    found = verifier().verify(token, CONVERSATION, TEXT)
    assert (1, None, None) == (found.aal, found.aal_at, found.grant_id)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        ({}, "not_text"),
        ({"person_id": "p-1", "roles": ["hr_admin"]}, "not_text"),
        ([GOOD], "not_text"),
        (7, "not_text"),
        (GOOD.encode(), "not_text"),
        (object(), "not_text"),
        ("garbage", "malformed"),
        ("a.b.c", "malformed"),
        ("..", "malformed"),
        (GOOD + ".", "malformed"),
        (GOOD.replace(".", "!", 1), "malformed"),
        ("é" * 100, "malformed"),
        ("\ud800" * 10, "malformed"),
        (f"{_encoded([1])}.{_encoded(CLAIMS)}.", "malformed"),
        (f"{_encoded(b'[' * 1500)}.{_encoded(CLAIMS)}.AA", "malformed"),
        ("x" * (MAX_TOKEN + 1), "too_large"),
        ("x" * 10**7, "too_large"),
    ],
    ids=range(19),
)
def test_garbage_is_refused(token: object, reason: str) -> None:
    """Whatever object stands in the metadata, the answer is a refusal with a reason."""
    assert reason == reason_for(token)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None])
def test_no_signature_is_refused(algorithm: str | None) -> None:
    """`alg: none` in any spelling, or no algorithm at all, proves nothing."""
    header = {**HEADER, "alg": algorithm}
    if algorithm is None:
        del header["alg"]
    assert "algorithm" == reason_for(f"{_encoded(header)}.{_encoded(CLAIMS)}.")


@pytest.mark.parametrize("secret", [PUBLIC_RAW, PUBLIC_PEM, b"", b"secret" * 8])
def test_a_public_key_is_no_shared_secret(secret: bytes) -> None:
    """HS256 with the public key as secret, the classic confusion, is refused by its algorithm."""
    import hashlib
    import hmac

    text = f"{_encoded({**HEADER, 'alg': 'HS256'})}.{_encoded(CLAIMS)}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    assert "algorithm" == reason_for(f"{text}.{_encoded(mac)}")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "Ed25519", "HS512"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    """A token cannot choose how it is verified, even when rightly signed."""
    assert "algorithm" == reason_for(signed(CLAIMS, alg=algorithm))


def test_another_key_is_refused() -> None:
    """Under its own key id it is unknown; under ours its signature is wrong."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    own = Issuer(FixedKeys(bytes(32)), SettableClock(NOW)).issue(**FIELDS)
    found = [reason_for(own), reason_for(signed(CLAIMS, other))]
    assert ["unknown_key", "signature"] == found
    assert "signature" == reason_for(signed(CLAIMS, Ed448PrivateKey.generate()))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"kid": None}, "type"),
        ({"kid": ""}, "unknown_key"),
        ({"kid": "../../etc/passwd"}, "unknown_key"),
        ({"kid": ["x"]}, "malformed"),
        ({"typ": None}, "type"),
        ({"typ": "JWT"}, "type"),
        ({"jwk": {"kty": "OKP"}}, "type"),
        ({"jku": "https://example.org/keys"}, "type"),
        ({"crit": ["b64"]}, "malformed"),
        ({"b64": False}, "malformed"),
    ],
)
def test_unexpected_headers_are_refused(headers: dict[str, Any], reason: str) -> None:
    """A header that points to a key, or that we never write, is refused although signed."""
    assert reason == reason_for(signed(CLAIMS, **headers))


def test_a_changed_claim_breaks_the_signature() -> None:
    """A role that was added after signing is found out."""
    header, _, signature = GOOD.split(".")
    edited = {**CLAIMS, "roles": ["employee", "hr_admin"]}
    assert "signature" == reason_for(f"{header}.{_encoded(edited)}.{signature}")


@pytest.mark.parametrize("cut", [1, 20, 86])
def test_a_cut_signature_is_refused(cut: int) -> None:
    """A signature that lost its end is none."""
    assert reason_for(GOOD[:-cut]) in {"signature", "malformed"}


def test_another_conversation_is_refused() -> None:
    """An assertion moved into another conversation proves nothing there."""
    assert ["conversation"] * 3 == [
        reason_for(GOOD, conversation=other) for other in ("d" * 32, "", CONVERSATION + " ")
    ]


def test_another_message_is_refused() -> None:
    """An assertion taken from another message of the conversation is refused where that counts."""
    with pytest.raises(AssertionRefused) as refused:
        verifier().verify(GOOD, CONVERSATION, TEXT, "m-2")
    assert "message" == refused.value.reason


@pytest.mark.parametrize(("late", "reason"), [(LIFETIME, "expired"), (86400, "expired")])
def test_a_stale_assertion_is_refused(late: int, reason: str) -> None:
    """After one minute, to the second."""
    assert reason == reason_for(GOOD, now=NOW + late)
    verifier(NOW + LIFETIME - 0.001).verify(GOOD, CONVERSATION, TEXT)


def test_an_assertion_from_the_future_is_refused() -> None:
    """Beyond a small skew of the issuer's clock, also when our own clock went back."""
    assert "future" == reason_for(GOOD, now=NOW - SKEW - 1)
    verifier(NOW - SKEW).verify(GOOD, CONVERSATION, TEXT)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_every_claim_is_required(claim: str) -> None:
    """Leaving out any one claim is refused although the token is signed."""
    rest = {name: value for name, value in CLAIMS.items() if name != claim}
    assert "claims" == reason_for(signed(rest))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "somebody-else"}, "issuer"),
        ({"aud": "another-service"}, "audience"),
        ({"aud": ["gatehouse"]}, "audience"),
        ({"aud": ["gatehouse", "other"]}, "audience"),
        ({"roles": "employee"}, "claims"),
        ({"roles": ["root"]}, "claims"),
        ({"roles": [["employee"]]}, "claims"),
        ({"roles": None}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sid": ""}, "claims"),
        ({"conversation": ["c" * 32]}, "claims"),
        ({"aal": "2"}, "claims"),
        ({"aal": 9}, "claims"),
        ({"aal": True}, "claims"),
        ({"aal": 2.0}, "claims"),
        ({"aal_at": "now"}, "claims"),
        ({"grant": 5}, "claims"),
        ({"exp": NOW + 3600}, "claims"),
        ({"exp": NOW}, "claims"),
        ({"exp": None}, "claims"),
        ({"exp": "9999999999"}, "claims"),
        ({"iat": True}, "claims"),
        ({"exp": float("inf")}, "claims"),
        ({"iat": float("nan")}, "claims"),
        ({"exp": 10**400, "iat": 10**400 - 1}, "malformed"),
        ({"name": "x" * 501}, "claims"),
        ({"extra": 1}, "claims"),
        ({"nbf": NOW + 3600}, "claims"),
    ],
)
def test_unexpected_claims_are_refused(change: dict[str, Any], reason: str) -> None:
    """Rightly signed but not what the channel writes: refused."""
    assert reason == reason_for(signed({**CLAIMS, **change}))


def test_a_payload_that_is_no_object_is_refused() -> None:
    """Signed JSON of another shape is refused."""
    assert ["malformed"] * 4 == [reason_for(signed(p)) for p in ([], "text", 5, b"\xff\xfe")]


@pytest.mark.parametrize(
    "text",
    ["", "/view_salary", TEXT + "?", TEXT.upper(), '/view_payslip{"period": "May"}', None, 7],
)
def test_other_words_are_refused(text: object) -> None:
    """A genuine assertion proves nothing about words it was not made for."""
    with pytest.raises(AssertionRefused) as refused:
        verifier().verify(GOOD, CONVERSATION, text)
    assert "content" == refused.value.reason


def test_white_space_around_the_words_does_not_count() -> None:
    """Rasa strips a message, so the same words with blanks around them are the same message."""
    assert verifier().verify(GOOD, CONVERSATION, f"  {TEXT}\n")


def test_several_keys_verify_while_keys_are_rotated() -> None:
    """Tokens of the old and the new key are good until the old one is taken out."""
    new = Issuer(FixedKeys(bytes(32)), SettableClock(NOW))
    both = Verifier(FixedKeys(bytes(32), SEED), SettableClock(NOW))
    for token in (GOOD, new.issue(**FIELDS)):
        assert "p-0123456789ab" == both.verify(token, CONVERSATION, TEXT).person_id
    with pytest.raises(AssertionRefused):
        Verifier(FixedKeys(bytes(32)), SettableClock(NOW)).verify(GOOD, CONVERSATION, TEXT)


def test_roles_outside_the_verifiers_set_are_refused() -> None:
    """The closed set of roles is the verifier's, not the token's."""
    narrow = Verifier(FixedKeys(SEED), SettableClock(NOW), roles=["employee"])
    with pytest.raises(AssertionRefused) as refused:
        narrow.verify(GOOD, CONVERSATION, TEXT)
    assert "claims" == refused.value.reason


def test_a_refusal_does_not_repeat_the_token() -> None:
    """The words of a refusal may be logged: they hold nothing of what was presented."""
    with pytest.raises(AssertionRefused) as refused:
        verifier().verify("secret-looking.garbage.token", CONVERSATION, TEXT)
    assert "secret" not in refused.value.diagnostics()


def test_tokens_name_type_key_and_algorithm() -> None:
    """The header says what the token is and which key made it (RFC 8725 section 3.11)."""
    assert HEADER == {"alg": "EdDSA", "typ": TYPE, "kid": FixedKeys(SEED).newest().id}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.one_of(st.text(), st.binary(), JSON))
def test_nothing_else_escapes(token: object) -> None:
    """No object makes verification end in anything but a refusal."""
    assert reason_for(token)


@given(st.sampled_from(sorted(CLAIMS)), JSON)
def test_no_signed_value_makes_it_fail_otherwise(claim: str, value: object) -> None:
    """Even our own signature over nonsense ends in a refusal or a well-typed assertion."""
    try:
        found = verifier().verify(signed({**CLAIMS, claim: value}), CONVERSATION, TEXT)
    except AssertionRefused:
        return
    assert isinstance(found.person_id, str) and found.roles <= {"employee", "manager"} | {
        "hr_admin",
        "contractor",
        "auditor",
    }


@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.characters(codec="ascii"))
def test_no_single_character_can_be_changed(position: int, character: str) -> None:
    """Every change of one character is refused, unless it decodes to the very same bytes."""
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    if changed == GOOD or _same_bytes(changed):
        return
    assert reason_for(changed)


def _same_bytes(changed: str) -> bool:
    try:
        return [_decoded(p) for p in changed.split(".")] == [_decoded(p) for p in GOOD.split(".")]
    except ValueError:
        return False


def test_the_library_would_have_accepted_what_we_sign() -> None:
    """The tokens are plain JWTs: an independent decode of one gives the same claims."""
    decode: Callable[..., dict[str, Any]] = jwt.decode
    found = decode(
        GOOD,
        PRIVATE.public_key(),
        algorithms=["EdDSA"],
        options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
    )
    assert CLAIMS == found

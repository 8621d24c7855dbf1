"""People, roles, sign-in sessions and signed identity assertions. Knows nothing of Rasa."""

from gatehouse.identity.assertions import (
    METADATA_KEY,
    Assertion,
    AssertionRefused,
    Issuer,
    SigningKeys,
    Verifier,
    content_digest,
)
from gatehouse.identity.directory import Directory
from gatehouse.identity.password_rules import MIN_LENGTH, PasswordRefused
from gatehouse.identity.passwords import ARGON2ID_2026, CHEAPEST, HashProfile
from gatehouse.identity.people import ROLES, Person
from gatehouse.identity.rotating import RotatingKeys, SigningKey
from gatehouse.identity.sessions import Session, SessionEnded, Sessions
from gatehouse.identity.sign_in import SignInRefused

__all__ = [
    "ARGON2ID_2026",
    "CHEAPEST",
    "METADATA_KEY",
    "MIN_LENGTH",
    "ROLES",
    "Assertion",
    "AssertionRefused",
    "Directory",
    "HashProfile",
    "Issuer",
    "PasswordRefused",
    "Person",
    "RotatingKeys",
    "Session",
    "SessionEnded",
    "Sessions",
    "SignInRefused",
    "SigningKey",
    "SigningKeys",
    "Verifier",
    "content_digest",
]

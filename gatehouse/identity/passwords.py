"""Hashing and checking of passwords with Argon2id (RFC 9106).

Parameters are named, dated profiles; a stored hash names its own parameters, so a new profile takes
over at each person's next sign-in. A password is never truncated, stored or logged, and a check
costs the same whether or not there is anybody to check it for.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from dataclasses import dataclass

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

MAX_LENGTH = 256
"""Code points of the longest password; NIST SP 800-63B-4 section 3.1.1.2 asks for 64 or more."""


@dataclass(frozen=True, slots=True)
class HashProfile:
    """Parameters of Argon2id: passes, memory in KiB, lanes; and how many checks run at once."""

    name: str
    time_cost: int
    memory_cost: int
    parallelism: int
    at_once: int = 4


ARGON2ID_2026 = HashProfile("argon2id-2026", time_cost=3, memory_cost=65536, parallelism=4)
"""RFC 9106 section 4, second recommended option: 64 MiB, for a server that also does other work.

`at_once` bounds the memory that a burst of sign-ins can take to 256 MiB.
"""

CHEAPEST = HashProfile("cheapest", time_cost=1, memory_cost=8, parallelism=1)
"""Tests only: no protection whatsoever."""


class PasswordHasher:
    """Makes and checks hashes under one profile; safe to share between threads."""

    def __init__(self, profile: HashProfile) -> None:
        self.profile = profile
        self._argon2 = argon2.PasswordHasher(
            time_cost=profile.time_cost,
            memory_cost=profile.memory_cost,
            parallelism=profile.parallelism,
            type=argon2.Type.ID,
        )
        self._slots = threading.BoundedSemaphore(profile.at_once)
        self._nobody = self.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """The Argon2id hash of `password`, in its encoded form with parameters and salt."""
        with self._slots:
            return self._argon2.hash(normalised(password))

    def verify(self, stored: str | None, password: object) -> bool:
        """Whether `password` is that of `stored`; with None (nobody) false after the same work."""
        candidate = password if isinstance(password, str) else ""
        acceptable = isinstance(password, str) and len(candidate) <= MAX_LENGTH
        try:
            data = normalised(candidate if acceptable else "")
        except UnicodeEncodeError:
            data, acceptable = b"", False
        with self._slots:
            try:
                self._argon2.verify(stored if stored is not None else self._nobody, data)
            except (VerificationError, InvalidHashError):
                return False
        return acceptable and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` was made under other parameters than the profile's."""
        return self._argon2.check_needs_rehash(stored)


def normalised(password: str) -> bytes:
    """`password` as the bytes that are hashed: NFC, UTF-8.

    The same characters typed on another keyboard must give the same bytes. Raises
    `UnicodeEncodeError` for lone surrogates.
    """
    return unicodedata.normalize("NFC", password).encode("utf-8")

"""What a person is to Gatehouse, and which user names and roles are acceptable.

A `Person` is a snapshot of one row, read anew for every message; nothing may keep it longer. It
carries no password hash, so it may be passed around freely.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gatehouse.errors import InvalidInput

ROLES = frozenset({"employee", "manager", "hr_admin", "contractor", "auditor", "compliance"})
"""The closed set of roles that Gatehouse ships with."""

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the directory. `id` is `p-` and 12 hexadecimal digits, and never changes."""

    id: str
    username: str
    display_name: str
    roles: frozenset[str]
    department: str
    employment_type: str
    employee_id: str
    disabled: bool
    must_change_password: bool
    demo: bool


def fold_username(given: object) -> str | None:
    """The stored form of a user name somebody typed (lower case), None when it cannot be one."""
    if not isinstance(given, str) or len(given) > 256:
        return None
    folded = unicodedata.normalize("NFKC", given).strip().lower()
    return folded if _USERNAME.fullmatch(folded) else None


def checked_username(given: str) -> str:
    """The stored form of `given`; raises `InvalidInput` with what is allowed."""
    folded = fold_username(given)
    if folded is None:
        raise InvalidInput(
            "this is not a user name",
            "use up to 64 of the characters a-z, 0-9, . _ @ + and -, "
            "with a letter or digit at both ends",
        )
    return folded


def checked_roles(given: Iterable[str], allowed: Collection[str]) -> frozenset[str]:
    """`given` as a set; raises `InvalidInput` when empty or with a role outside `allowed`."""
    roles = frozenset(given)
    unknown = sorted(roles - frozenset(allowed))
    if unknown or not roles:
        what = f"unknown role {unknown[0]!r}" if unknown else "a person needs at least one role"
        raise InvalidInput(what, f"roles are {', '.join(sorted(allowed))}")
    return roles


def checked_role_names(given: Collection[str]) -> frozenset[str]:
    """A closed set of roles chosen by the caller; raises `InvalidInput` on a malformed name."""
    for role in given:
        if not _ROLE.fullmatch(role):
            raise InvalidInput(f"{role!r} cannot name a role", "use a-z, 0-9 and _, at most 40")
    return frozenset(given)


def checked_text(given: str, what: str, *, limit: int = _MAX_TEXT, required: bool = False) -> str:
    """`given` stripped; raises `InvalidInput` when empty but required, too long or not printable."""
    text = given.strip()
    if (required and not text) or len(text) > limit or not text.isprintable():
        raise InvalidInput(f"{what} must be up to {limit} printable characters")
    return text

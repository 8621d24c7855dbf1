"""What the claims of a provider mean here: attributes, roles, how surely somebody signed in.

Deny by default: a value that no setting names gives nothing, and a claim of another kind than expected
is no claim. Nothing here looks anybody up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatehouse.errors import InvalidInput
from gatehouse.settings import Provider

MOST_VALUES = 1000  # groups of one person


@dataclass(frozen=True, slots=True)
class Profile:
    """Somebody as the provider describes them; texts are "" where it says nothing.

    `roles` is None where the directory decides. `aal_at` is when they signed in there, epoch seconds, None where it does not say.
    """

    subject: str = field(repr=False)
    provider_session: str = field(repr=False)
    username: str = field(repr=False)
    display_name: str = field(repr=False)
    employee_id: str = field(repr=False)
    department: str = field(repr=False)
    employment_type: str = field(repr=False)
    roles: frozenset[str] | None
    aal: int
    aal_at: float | None


class Reading:
    """How one deployment reads claims; raises `InvalidInput` for settings that make no sense."""

    def __init__(self, settings: Provider, roles: frozenset[str]) -> None:
        self._settings = settings
        self._roles = _role_map(settings, roles)

    def read(self, claims: Mapping[str, Any]) -> Profile:
        """The profile in the claims of a verified ID token."""
        names = self._settings
        aal = self._level(claims)
        at = claims.get("auth_time")  # `iat` is of the token, not of the person
        return Profile(
            subject=str(claims["sub"]),
            provider_session=_text(claims, "sid"),
            username=_text(claims, names.username_claim),
            display_name=_text(claims, names.name_claim),
            employee_id=_text(claims, names.employee_id_claim),
            department=_text(claims, names.department_claim),
            employment_type=_text(claims, names.employment_type_claim),
            roles=self._mapped(claims) if names.roles_claim else None,
            aal=aal,
            aal_at=float(at) if aal > 1 and isinstance(at, int | float) else None,
        )

    def _mapped(self, claims: Mapping[str, Any]) -> frozenset[str]:
        value = claims.get(self._settings.roles_claim)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or len(values) > MOST_VALUES:
            return frozenset()
        known = [
            self._roles[item] for item in values if isinstance(item, str) and item in self._roles
        ]
        return frozenset().union(*known)

    def _level(self, claims: Mapping[str, Any]) -> int:
        """1, 2 or 3 as `gatehouse.policy` counts assurance."""
        methods = claims.get("amr")
        said = {f"amr:{one}" for one in methods} if isinstance(methods, list) else set()
        if isinstance(claims.get("acr"), str):
            said.add(str(claims["acr"]))
        if said & set(self._settings.phishing_resistant):
            return 3
        return 2 if said & set(self._settings.aal2) else 1


def _role_map(settings: Provider, roles: frozenset[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for item in settings.roles:
        value, sign, role = item.rpartition("=")
        if not sign or not value or role not in roles:
            raise InvalidInput(
                f"provider.roles: {item!r} gives no role",
                f"write value=role; roles are {', '.join(sorted(roles))}",
            )
        found.setdefault(value, set()).add(role)
    return {value: frozenset(given) for value, given in found.items()}


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name) if name else None
    return value if isinstance(value, str) else ""

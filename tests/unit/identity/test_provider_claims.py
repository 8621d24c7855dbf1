"""What claims give: exactly what the settings name, and nothing for anything else."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput
from gatehouse.identity.people import ROLES
from gatehouse.identity.provider.claims import Profile, Reading
from gatehouse.identity.provider.links import Links, forget
from gatehouse.settings import Provider

KEY = b"k" * 32
ISSUER = "https://idp.example.org"
SETTINGS = Provider(
    roles_claim="groups",
    roles=("staff=employee", "cn=leads,ou=groups=manager", "cn=leads,ou=groups=employee"),
    aal2=("urn:example:mfa", "amr:otp"),
    phishing_resistant=("amr:hwk",),
    employee_id_claim="employee_number",
)


def read(**claims: Any) -> Profile:
    return Reading(SETTINGS, ROLES).read({"sub": "0001", **claims})


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["staff"], {"employee"}),
        ("staff", {"employee"}),
        (["cn=leads,ou=groups", "staff"], {"employee", "manager"}),
        (["Staff", "staff ", "employee", "hr_admin", "compliance"], set()),
        ([{"staff": 1}, 1, None, ["staff"]], set()),
        ({"staff": True}, set()),
        (["staff"] * 1001, set()),
        (None, set()),
    ],
)
def test_roles_are_what_the_settings_name(groups: object, roles: set[str]) -> None:
    """A value gives a role only letter by letter; a role's own name gives nothing."""
    assert roles == read(groups=groups).roles


@pytest.mark.parametrize(
    ("claims", "level"),
    [
        ({}, 1),
        ({"acr": "urn:example:mfa", "auth_time": 5}, 2),
        ({"amr": ["pwd", "otp"], "auth_time": 5}, 2),
        ({"amr": ["otp", "hwk"], "auth_time": 5}, 3),
        ({"acr": "amr:otp"}, 2),
        ({"acr": "otp"}, 1),
        ({"acr": ["urn:example:mfa"]}, 1),
        ({"amr": "otp"}, 1),
        ({"amr": [["otp"]]}, 1),
    ],
)
def test_assurance_is_what_the_settings_name(claims: dict[str, Any], level: int) -> None:
    """Nothing else that a provider says counts, and without a time nothing counts as fresh."""
    profile = read(**claims)
    assert level == profile.aal
    assert (claims.get("auth_time") if level > 1 else None) == profile.aal_at


@pytest.mark.parametrize("item", ["staff", "staff=", "=employee", "staff=king", "staff=employee "])
def test_a_mapping_that_gives_nothing_stops_the_start(item: str) -> None:
    """A role that nobody has, or a value that is missing, is a mistake and not a hole."""
    with pytest.raises(InvalidInput, match=r"provider\.roles"):
        Reading(Provider(roles=(item,)), ROLES)


def test_claims_of_another_kind_are_none() -> None:
    """A number is no employee id."""
    assert "" == read(employee_number=1001).employee_id
    assert "1001" == read(employee_number="1001").employee_id


@pytest.fixture
def links(engine: Engine, clock: SettableClock) -> Links:
    return Links(engine, clock, KEY, ISSUER)


def test_a_subject_is_one_person_at_one_issuer(
    links: Links, engine: Engine, clock: SettableClock
) -> None:
    """Neither a second subject nor a second person, and nobody at another provider."""
    links.link("0001", "p-aaaaaaaaaaaa")
    assert "p-aaaaaaaaaaaa" == links.person_of("0001")
    for subject, person in (("0001", "p-bbbbbbbbbbbb"), ("0002", "p-aaaaaaaaaaaa")):
        with pytest.raises(InvalidInput):
            links.link(subject, person)
    assert None is Links(engine, clock, KEY, "https://other.example").person_of("0001")
    assert forget(engine, "p-aaaaaaaaaaaa")
    assert None is links.person_of("0001")


def test_a_link_cannot_be_moved_in_the_database(links: Links, engine: Engine) -> None:
    """Who writes another person into their own row, or copies a row, is nobody; no subject is readable."""
    links.link("0001", "p-aaaaaaaaaaaa")
    with engine.begin() as connection:
        stored = connection.execute(sa.text("SELECT * FROM gh_provider_links")).one()
        assert "0001" not in map(str, stored)
        connection.execute(sa.text("UPDATE gh_provider_links SET person_id = 'p-bbbbbbbbbbbb'"))
    assert None is links.person_of("0001")

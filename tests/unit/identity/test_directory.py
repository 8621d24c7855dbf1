"""People and their roles."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.errors import InvalidInput, Unavailable
from gatehouse.identity import (
    CHEAPEST,
    Directory,
    HashProfile,
    PasswordRefused,
    Person,
    SignInRefused,
)
from gatehouse.identity.people import fold_username
from gatehouse.identity.schema import people

from .conftest import KEY, PASSWORD

OTHER = "a kettle beside nine windows"


def test_a_person_is_found_by_id_and_by_name(directory: Directory, erin: Person) -> None:
    """What was added is what is read, whatever the case of the user name."""
    assert re.fullmatch(r"p-[0-9a-f]{12}", erin.id)
    assert [erin, erin] == [directory.get(erin.id), directory.by_username(" Erin.WALSH ")]


def test_nobody_is_found_who_is_not_there(directory: Directory, erin: Person) -> None:
    """Unknown ids and impossible names find nobody."""
    assert [None, None] == [directory.get("p-000000000000"), directory.by_username("' OR 1=1")]


@pytest.mark.parametrize(
    "name",
    ["", ".erin", "erin walsh", "erin\n", "érin", "a" * 65, "erin;drop", "e\u200brin", None, 5],
)
def test_impossible_user_names_fold_to_nothing(name: object) -> None:
    """Names that could be confused or abused are no user names; only outer spaces are forgiven."""
    expected = "erin" if name == "erin\n" else None
    assert expected == fold_username(name)


def test_a_user_name_is_taken_once(directory: Directory, erin: Person) -> None:
    """Adding a name again, also in another case, is refused and changes nothing."""
    with pytest.raises(InvalidInput, match="taken"):
        directory.add("ERIN.walsh", "Somebody Else", ["employee"], OTHER)
    assert (erin,) == directory.people()


@pytest.mark.parametrize("roles", [[], ["boss"], ["employee", "root"], [""], ["employee manager"]])
def test_roles_outside_the_closed_set_are_refused(
    directory: Directory, erin: Person, roles: list[str]
) -> None:
    """No role is invented by a typing mistake, and nobody is left without one."""
    with pytest.raises(InvalidInput):
        directory.set_roles(erin.id, roles)
    assert erin == directory.get(erin.id)


def test_a_role_change_is_read_at_once(
    engine: Engine, clock: SettableClock, directory: Directory, erin: Person
) -> None:
    """Another process sees new roles with its next look at the person."""
    elsewhere = Directory(engine, clock, CHEAPEST, key=KEY)
    directory.set_roles(erin.id, ["employee", "manager"])
    seen = elsewhere.get(erin.id)
    assert seen is not None and frozenset({"employee", "manager"}) == seen.roles


def test_a_role_that_left_the_closed_set_gives_no_rights(
    engine: Engine, clock: SettableClock, directory: Directory, erin: Person
) -> None:
    """A row with a role that this deployment does not know is read without it."""
    narrower = Directory(engine, clock, CHEAPEST, key=KEY, roles=["manager"])
    seen = narrower.get(erin.id)
    assert seen is not None and frozenset() == seen.roles


def test_the_right_password_signs_in(directory: Directory, erin: Person) -> None:
    """Name and password lead to the person."""
    assert erin == directory.check_password("erin.walsh", PASSWORD)


def test_a_password_stays_good(directory: Directory, erin: Person, clock: SettableClock) -> None:
    """Nobody has to change one because it is old (ASVS v5.0.0-6.2.10)."""
    clock.advance(20 * 365 * 86400)
    assert erin == directory.check_password("erin.walsh", PASSWORD)
    assert not erin.must_change_password


def test_refusals_do_not_tell_who_exists(directory: Directory, erin: Person) -> None:
    """Unknown name, impossible name, wrong password and disabled person get the same answer."""
    gone = directory.add("gone.person", "Gone Person", ["employee"], PASSWORD)
    directory.disable(gone.id)
    tries = [
        ("nobody.here", PASSWORD),
        ("no such\x00name", PASSWORD),
        ("erin.walsh", "not the password at all"),
        ("gone.person", PASSWORD),
        (None, None),
    ]
    answers = set()
    for number, (name, password) in enumerate(tries):
        with pytest.raises(SignInRefused) as refused:
            directory.check_password(name, password, source=str(number))
        answers.add((refused.value.reason, refused.value.message, refused.value.retry_after))
    assert {("credentials", "The user name or the password is not right.", 0.0)} == answers


def test_every_refusal_computes_one_hash(
    directory: Directory, erin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown name costs the same Argon2 work as a known one: exactly one verification."""
    verified: list[str] = []
    hasher = directory._hasher._argon2
    original = type(hasher).verify

    def counting(self: object, stored: str, password: bytes) -> bool:
        verified.append(stored)
        return bool(original(self, stored, password))  # type: ignore[arg-type]

    monkeypatch.setattr(type(hasher), "verify", counting)
    counts = []
    for name in ("erin.walsh", "nobody.here", "impossible name"):
        verified.clear()
        with pytest.raises(SignInRefused):
            directory.check_password(name, "not the password at all", source=name)
        counts.append(len(verified))
    assert [1, 1, 1] == counts


def test_a_disabled_person_comes_back_when_enabled(directory: Directory, erin: Person) -> None:
    """Disabling keeps out, enabling lets in, and the flag is read at once."""
    assert directory.disable(erin.id).disabled
    with pytest.raises(SignInRefused):
        directory.check_password("erin.walsh", PASSWORD)
    directory.enable(erin.id)
    assert erin == directory.check_password("erin.walsh", PASSWORD)


def test_an_initial_password_has_to_be_changed(directory: Directory) -> None:
    """The flag is set for a new person and falls with the person's own change."""
    directory.add("new.person", "New Person", ["employee"], PASSWORD)
    assert directory.check_password("new.person", PASSWORD).must_change_password
    person = directory.by_username("new.person")
    assert person is not None
    assert not directory.set_password(person.id, OTHER).must_change_password
    assert not directory.check_password("new.person", OTHER).must_change_password


def test_a_changed_password_replaces_the_old_one(directory: Directory, erin: Person) -> None:
    """After a change the old password is wrong."""
    directory.check_change(erin, PASSWORD, OTHER)
    directory.set_password(erin.id, OTHER)
    with pytest.raises(SignInRefused):
        directory.check_password("erin.walsh", PASSWORD)
    assert erin == directory.check_password("erin.walsh", OTHER)


@pytest.mark.parametrize(
    ("new", "reason"), [(PASSWORD, "unchanged"), ("short", "too_short"), ("erinwalsh-1984", None)]
)
def test_a_bad_new_password_changes_nothing(
    directory: Directory, erin: Person, new: str, reason: str | None
) -> None:
    """A refused change leaves the old password in force."""
    with pytest.raises(PasswordRefused) as refused:
        directory.check_change(erin, PASSWORD, new)
    assert (reason or "too_short") == refused.value.reason
    assert erin == directory.check_password("erin.walsh", PASSWORD)


def test_a_new_profile_takes_over_at_the_next_sign_in(
    engine: Engine, clock: SettableClock, directory: Directory, erin: Person
) -> None:
    """A stored hash under older parameters is replaced once the password is known."""
    stronger = HashProfile("test", time_cost=2, memory_cost=16, parallelism=1)
    upgraded = Directory(engine, clock, stronger, key=KEY)
    upgraded.check_password("erin.walsh", PASSWORD)
    with engine.connect() as connection:
        stored = connection.execute(sa.select(people.c.password_hash)).scalar_one()
    assert "m=16,t=2,p=1" in stored
    assert erin == upgraded.check_password("erin.walsh", PASSWORD)


def test_demo_accounts_are_counted(directory: Directory, erin: Person) -> None:
    """A production start can see that demonstration accounts are present."""
    assert 0 == directory.count_demo()
    directory.add("demo.person", "Demo Person", ["auditor"], PASSWORD, demo=True)
    assert 1 == directory.count_demo()


def test_an_unknown_person_cannot_be_changed(directory: Directory) -> None:
    """A change for an id that nobody has is refused in words."""
    with pytest.raises(InvalidInput, match="no such person"):
        directory.disable("p-000000000000")


def test_a_lost_database_is_a_clear_refusal(engine: Engine, directory: Directory) -> None:
    """When the tables are gone nobody gets in, and no driver error gets out."""
    people.metadata.drop_all(engine)
    with pytest.raises(Unavailable):
        directory.check_password("erin.walsh", PASSWORD)
    with pytest.raises(Unavailable):
        directory.get("p-000000000000")


def test_no_password_is_in_the_database(engine: Engine, directory: Directory, erin: Person) -> None:
    """Neither the password nor a mistyped one can be found in any table."""
    with pytest.raises(SignInRefused):
        directory.check_password("my password typed as name", "and something else here")
    with engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump())
    assert [False, False] == [text in dump for text in (PASSWORD, "typed as name")]

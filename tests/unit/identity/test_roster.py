"""People from a list: all of it or nothing, and nobody goes unless asked."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.errors import InvalidInput
from gatehouse.identity import ROLES, Person, SignInRefused
from gatehouse.identity.roster import plan, read_roster

from . import test_people_command
from .conftest import PASSWORD
from .test_people_command import Deployment, call

deployment = test_people_command.deployment

HEADING = "username,name,roles,department,employee_id\n"
LIST = HEADING + (
    'new.person,"Person, New",employee manager,Office,E-2\n'
    "erin.walsh,Erin Walsh,employee,Warehouse,E-1001\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "heading"),
        ("username,name\n", "heading"),
        ("username,name,roles,password\n", "heading"),
        ("username,name,roles,name\n", "heading"),
        (HEADING + "a.b,A B,employee\n", "line 2: it has more or fewer"),
        (HEADING + "a.b,A B,employee,,,\n", "line 2: it has more or fewer"),
        (HEADING + "a.b,A B,root,,\n", "line 2: unknown role 'root'"),
        (HEADING + "a.b,A B,,,\n", "line 2: a person needs at least one role"),
        (HEADING + "a b,A B,employee,,\n", "line 2: this is not a user name"),
        (HEADING + "a.b,,employee,,\n", "line 2: the name"),
        (HEADING + "a.b,A,employee,,\nA.B,A,employee,,\n", "line 3: a.b is there twice"),
        (HEADING + 'a.b,"A,employee,,\n', "this is not CSV"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    """With its line, and nothing of the list is taken."""
    with pytest.raises(InvalidInput) as refused:
        read_roster(text, ROLES)
    assert words in refused.value.message


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is in the file."""
    with suppress(InvalidInput):
        read_roster(HEADING + text, ROLES)


def test_nobody_leaves_unless_asked(erin: Person) -> None:
    """A list may be of one department."""
    entries = read_roster(HEADING + "new.person,New,employee,,\n", ROLES)
    assert () == plan(entries, [erin], leavers=False).left
    assert (erin,) == plan(entries, [erin], leavers=True).left


def imported(tmp_path: Path, text: str, *options: str) -> Result:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")
    return call("import", str(file), *options)


def test_new_people_get_a_password_once(
    deployment: Deployment,
    erin: Person,
    tmp_path: Path,
) -> None:
    """It works, has to be changed, and is the only output; who did not change is left alone."""
    result = imported(tmp_path, LIST)
    name, _, password = result.stdout.strip().partition("\t")
    person = deployment.directory.check_password(name, password)
    assert ("new.person", "Person, New", True) == (
        name,
        person.display_name,
        person.must_change_password,
    )
    assert frozenset({"employee", "manager"}) == person.roles
    assert password not in str(deployment.audit.entries)
    assert "changed: erin.walsh" in result.stderr  # her employment type is not in the list
    assert "left: nobody" in result.stderr


def test_every_mistake_is_named() -> None:
    """With its line, so that a list is mended once."""
    rows = "x.y,X,root,,\nx.z,,employee,,\nx.z,Z,employee,,\nx.z,Z,employee,,\n"
    with pytest.raises(InvalidInput, match="3 mistakes") as refused:
        read_roster(HEADING + rows, ROLES)
    assert ["line 2", "line 3", "line 5"] == [one[:6] for one in refused.value.hints]


def test_a_dry_run_changes_nothing(
    deployment: Deployment,
    erin: Person,
    tmp_path: Path,
) -> None:
    """It says what would happen."""
    result = imported(tmp_path, LIST, "--leavers", "--dry-run")
    assert ("", [], (erin,)) == (
        result.stdout, deployment.audit.entries, deployment.directory.people()
    )  # fmt: skip
    assert "new: new.person" in result.stderr


def test_one_mistake_changes_nobody(
    deployment: Deployment,
    erin: Person,
    tmp_path: Path,
) -> None:
    """Also not those before it."""
    with pytest.raises(InvalidInput):
        imported(tmp_path, LIST + "x.y,X,root,,\n", "--leavers")
    assert ([], (erin,)) == (deployment.audit.entries, deployment.directory.people())


def test_who_is_not_listed_has_left(
    deployment: Deployment,
    erin: Person,
    tmp_path: Path,
) -> None:
    """Disabled, signed out and without a factor; recorded; and once is enough."""
    deployment.sessions.open(erin)
    deployment.totp.set_demo_secret(erin.id, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    deployment.recovery.issue(erin.id)
    text = HEADING + "new.person,New,employee,,\n"
    imported(tmp_path, text, "--leavers")
    left = deployment.directory.get(erin.id)
    assert left is not None and left.disabled
    assert ((), False, 0) == (
        deployment.sessions.of_person(erin.id),
        deployment.totp.enrolled(erin.id),
        deployment.recovery.left(erin.id),
    )
    with pytest.raises(InvalidInput, match="is disabled"):
        call("ticket", "erin.walsh")
    deployment.directory.enable(erin.id)
    with pytest.raises(SignInRefused):
        deployment.directory.check_password("erin.walsh", PASSWORD)
    deployment.directory.disable(erin.id)
    assert [erin.id] == [
        entry["person"] for entry in deployment.audit.entries
        if entry["operation"] == "people.leave"
    ]  # fmt: skip
    assert "left: nobody" in imported(tmp_path, text, "--leavers").stderr


def test_one_person_can_be_let_go(deployment: Deployment, erin: Person) -> None:
    """By name, with the same effect."""
    deployment.sessions.open(erin)
    assert 0 == call("leave", "erin.walsh").exit_code
    assert () == deployment.sessions.of_person(erin.id)

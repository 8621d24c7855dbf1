"""`gatehouse people` on the command line."""

from __future__ import annotations

import getpass
import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine

from gatehouse.cli.people import people
from gatehouse.clock import SettableClock
from gatehouse.errors import GatehouseError, InvalidInput, NotReady, Unavailable
from gatehouse.identity import Directory, Person, SessionEnded, Sessions, SignInRefused
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.identity.provider.links import Links
from gatehouse.settings import StepUp
from gatehouse.stepup import CodeRefused
from gatehouse.stepup.assembly import assemble
from gatehouse.stepup.passkeys import Site
from gatehouse.stepup.schema import metadata

from .conftest import KEY, PASSWORD

NEW = "a kettle beside nine windows"


class Audit:
    """Keeps entries; fails when told to."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.broken = False

    def append(self, kind: str, **facts: Any) -> int:
        if self.broken:
            raise Unavailable("the audit log cannot be written")
        self.entries.append({"kind": kind, **facts})
        return len(self.entries)


SITE = Site("https://desk.example.org", "desk.example.org")


class Deployment:
    """The attributes of a runtime that the commands use."""

    def __init__(
        self, directory: Directory, sessions: Sessions, engine: Engine, clock: SettableClock
    ) -> None:
        metadata.create_all(engine)
        self.engine = engine
        self.provider: Any = None
        self.directory = directory
        self.clock = clock
        self.sessions = sessions
        self.front_ends = FrontEnds(engine, clock, KEY)
        self.audit = Audit()
        self.factors = assemble(
            engine, clock, StepUp(challenge=300), lambda name: KEY, self.audit.append, site=SITE
        )
        self.step_up = self.factors.step_up
        usual = {
            "manager": frozenset({"manager", "employee"}),
            "employee": frozenset({"employee"}),
            "auditor": frozenset({"auditor"}),
        }
        policies = SimpleNamespace(vocabulary=SimpleNamespace(comes_with=usual))
        self.policies = SimpleNamespace(current=lambda: policies)
        self.settings = SimpleNamespace(step_up=StepUp(challenge=300))
        self.totp, self.recovery = self.factors.totp, self.factors.recovery


@pytest.fixture
def deployment(
    directory: Directory,
    sessions: Sessions,
    engine: Engine,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    made = Deployment(directory, sessions, engine, clock)
    monkeypatch.setattr("gatehouse.cli.people._runtime", lambda: made)
    monkeypatch.delenv("GATEHOUSE_PASSWORD_FILE", raising=False)
    return made


def call(*arguments: str, typed: str | None = None) -> Result:
    result = CliRunner().invoke(people, list(arguments), input=typed)
    if isinstance(result.exception, GatehouseError):
        raise result.exception
    return result


ADD = ("add", "new.person", "--name", "New Person", "--role", "employee", "--role", "manager")


def test_add_asks_for_the_password_twice(deployment: Deployment) -> None:
    """A person is added with the typed password, which is not shown and has to be changed."""
    result = call(*ADD, typed=f"{NEW}\n{NEW}\n")
    person = deployment.directory.check_password("new.person", NEW)
    assert (0, "", True) == (result.exit_code, result.stdout, person.must_change_password)
    assert NEW not in result.output
    assert frozenset({"employee", "manager"}) == person.roles


def test_a_password_may_come_from_a_file(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that the environment names is read, without its line end."""
    (tmp_path / "initial").write_text(NEW + "\n", encoding="utf-8")
    monkeypatch.setenv("GATEHOUSE_PASSWORD_FILE", str(tmp_path / "initial"))
    call(*ADD, "--keep-password")
    assert not deployment.directory.check_password("new.person", NEW).must_change_password


def test_a_missing_password_file_is_named(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be read stops the command; nobody is added."""
    monkeypatch.setenv("GATEHOUSE_PASSWORD_FILE", "/nonexistent/file")
    with pytest.raises(InvalidInput, match="GATEHOUSE_PASSWORD_FILE"):
        call(*ADD)
    assert () == deployment.directory.people()


@pytest.mark.parametrize("option", ["--password", "-p", "--secret", "--pass"])
def test_no_option_takes_a_password(deployment: Deployment, option: str) -> None:
    """A password on the command line is a usage error."""
    assert 2 == call(*ADD, option, NEW).exit_code


def test_a_refused_password_adds_nobody(deployment: Deployment) -> None:
    """The rules hold on the command line as well."""
    with pytest.raises(InvalidInput, match="at least 15"):
        call(*ADD, typed="short\nshort\n")
    assert () == deployment.directory.people()


def test_list_prints_data_only(deployment: Deployment, erin: Person) -> None:
    """One line per person on stdout, without anything secret."""
    assert f"erin.walsh\t{erin.id}\temployee\tactive\n" == call("list").stdout


def test_roles_that_usually_come_with_one_are_said(deployment: Deployment, erin: Person) -> None:
    """The matrix of the policies shows a manager as an employee, too; nobody gets it by itself."""
    assert "usually have, too: employee" in call("role", "erin.walsh", "manager").stderr
    seen = deployment.directory.get(erin.id)
    assert seen is not None and frozenset({"manager"}) == seen.roles
    assert "usually" not in call("role", "erin.walsh", "manager", "employee").stderr


def test_role_replaces_roles(deployment: Deployment, erin: Person) -> None:
    """The new roles stand alone, and the change is in the audit log with its person."""
    call("role", "erin.walsh", "auditor")
    seen = deployment.directory.get(erin.id)
    assert seen is not None and frozenset({"auditor"}) == seen.roles
    expected = {
        "kind": "administration",
        "operation": "people.role",
        "person": erin.id,
        "roles": ["auditor"],
    }
    assert [expected] == deployment.audit.entries


@pytest.mark.parametrize("command", ["disable", "password"])
def test_open_sessions_end(deployment: Deployment, erin: Person, command: str) -> None:
    """Disabling a person or setting a new password signs the person out everywhere."""
    token, _ = deployment.sessions.open(erin)
    call(command, "erin.walsh", typed=f"{NEW}\n{NEW}\n")
    with pytest.raises(SessionEnded):
        deployment.sessions.resolve(token)


def test_enable_lets_in_again(deployment: Deployment, erin: Person) -> None:
    """A disabled person can sign in after being enabled."""
    call("disable", "erin.walsh")
    call("enable", "erin.walsh")
    assert erin == deployment.directory.check_password("erin.walsh", PASSWORD)


def test_an_unknown_name_is_named(deployment: Deployment) -> None:
    """A typing mistake changes nobody and says so."""
    with pytest.raises(InvalidInput, match=r"nobody\.here"):
        call("disable", "nobody.here")


@pytest.mark.parametrize(
    "arguments",
    [
        ("role", "erin.walsh", "hr_admin"),
        ("disable", "erin.walsh"),
        ("password", "erin.walsh"),
        ADD,
    ],
)
def test_what_cannot_be_recorded_is_not_done(
    deployment: Deployment, erin: Person, arguments: tuple[str, ...]
) -> None:
    """Without an audit entry no change is made."""
    deployment.audit.broken = True
    with pytest.raises(Unavailable):
        call(*arguments, typed=f"{NEW}\n{NEW}\n")
    assert (erin,) == deployment.directory.people()
    assert erin == deployment.directory.check_password("erin.walsh", PASSWORD)


def test_factor_is_active_after_one_good_code(
    deployment: Deployment, erin: Person, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address for the app is the only output, and a good code activates the authenticator."""
    seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    monkeypatch.setattr("gatehouse.stepup.totp.pyotp.random_base32", lambda length: seed)
    result = call("factor", "erin.walsh", typed=pyotp.TOTP(seed).at(int(clock.now())) + "\n")
    assert result.stdout.startswith("otpauth://totp/Gatehouse:erin.walsh?secret=" + seed)
    assert deployment.totp.enrolled(erin.id)
    assert 10 == deployment.recovery.left(erin.id) == len(result.stdout.splitlines()) - 1


def test_who_has_an_authenticator_gets_no_other_from_an_operator(
    deployment: Deployment, erin: Person, clock: SettableClock
) -> None:
    """Neither an app nor a ticket, unless what they have is removed; that they are told of."""
    deployment.totp.set_demo_secret(erin.id, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    for command in ("factor", "ticket", "recovery"):
        with pytest.raises(InvalidInput, match="already"):
            call(command, "erin.walsh")
    deployment.factors.remove(erin.id)
    ticket = call("ticket", "erin.walsh").stdout.strip()
    assert deployment.factors.tickets.verify(erin.id, ticket)


def test_a_reset_takes_two_operators(
    deployment: Deployment, erin: Person, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with role, password and code; then sessions end and nothing of the factors is left."""
    seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    operators = [
        deployment.directory.add(name, name, ["compliance"], PASSWORD, must_change_password=False)
        for name in ("ann", "bob")
    ]
    for person in (erin, *operators):
        deployment.totp.set_demo_secret(person.id, seed)
    deployment.sessions.open(erin)
    monkeypatch.setattr("gatehouse.cli.people.asked_password", lambda confirm: PASSWORD)
    code = pyotp.TOTP(seed).at(int(clock.now())) + "\n"
    with pytest.raises(GatehouseError):
        call("reset-factors", "erin.walsh", "--by", "erin.walsh", typed=code)
    assert 0 == call("reset-factors", "erin.walsh", "--by", "ann", typed=code).exit_code
    assert deployment.totp.enrolled(erin.id)
    assert 0 == call("reset-factors", "erin.walsh", "--by", "bob", typed=code).exit_code
    assert (False, []) == (
        deployment.totp.enrolled(erin.id), list(deployment.sessions.of_person(erin.id)),
    )  # fmt: skip
    operations = [one.get("operation") for one in deployment.audit.entries]
    assert ["factors.reset_proposed", "factors.reset"] == [
        one for one in operations if one and one.startswith("factors.")
    ]


def test_a_reset_alone_says_so(deployment: Deployment, erin: Person) -> None:
    """And who says neither, or both, is asked."""
    deployment.totp.set_demo_secret(erin.id, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    for options in ((), ("--alone", "--by", "ann")):
        assert 2 == call("reset-factors", "erin.walsh", *options).exit_code
    assert 0 == call("reset-factors", "erin.walsh", "--alone").exit_code
    assert not deployment.totp.enrolled(erin.id)
    assert "factors.reset_alone" == deployment.audit.entries[-1]["operation"]


def test_recovery_codes_are_the_only_output(deployment: Deployment, erin: Person) -> None:
    """Ten codes, one per line, which work; making them again voids these."""
    codes = call("recovery", "erin.walsh").stdout.splitlines()
    assert 10 == len(codes) == deployment.recovery.left(erin.id)
    assert deployment.recovery.verify(erin.id, codes[4])
    call("recovery", "erin.walsh")
    with pytest.raises(CodeRefused):
        deployment.recovery.verify(erin.id, codes[5])
    recorded = [
        entry for entry in deployment.audit.entries if entry["operation"] == "people.recovery"
    ]
    assert ([erin.id] * 2, []) == (
        [entry["person"] for entry in recorded],
        [code for code in codes if code in str(recorded)],
    )


def test_an_unknown_role_is_refused_before_the_password(deployment: Deployment) -> None:
    """A misspelt role costs no typing; nothing is recorded and nobody is added."""
    with pytest.raises(InvalidInput, match="unknown role 'employe'"):
        call("add", "new.person", "--name", "New Person", "--role", "employe", typed="")
    assert ([], ()) == (deployment.audit.entries, deployment.directory.people())


def test_the_end_of_input_is_no_password(deployment: Deployment) -> None:
    """It is said, with the way that needs no terminal."""
    with pytest.raises(InvalidInput, match="no password was given") as refused:
        call(*ADD, typed="")
    assert "GATEHOUSE_PASSWORD_FILE" in refused.value.hints[0]
    assert () == deployment.directory.people()


def test_without_a_terminal_nothing_is_read_in_the_open(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would warn and read a password that shows; here it is refused."""

    def no_terminal(*arguments: object, **options: object) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return NEW

    monkeypatch.setattr("click.termui.hidden_prompt_func", no_terminal)
    with pytest.raises(InvalidInput, match="there is no terminal"):
        people.main([*ADD], standalone_mode=False)
    assert () == deployment.directory.people()


def test_help_names_the_password_file_and_the_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who adds a person sees what may be written."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(Path(__file__).resolve().parents[3]))
    text = call("add", "--help").stdout
    assert "GATEHOUSE_PASSWORD_FILE" in text
    assert "employee" in text.partition("Roles:")[2]


def test_help_is_there_without_a_deployment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Outside a project the roles are left out."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    result = call("add", "--help")
    assert (0, False) == (result.exit_code, "Roles:" in result.stdout)


def test_a_person_is_linked_to_the_provider_by_hand(
    deployment: Deployment, clock: SettableClock
) -> None:
    """By the subject that the provider uses; ended by name, with every session, or by leaving."""
    call(*ADD, typed=f"{NEW}\n{NEW}\n")
    with pytest.raises(NotReady, match="no provider"):
        call("link", "new.person", "0001")
    links = Links(deployment.engine, clock, KEY, "https://idp.example.org")
    deployment.provider = SimpleNamespace(links=links)
    person = deployment.directory.by_username("new.person")
    assert person is not None
    for end in ("unlink", "leave"):
        call("link", "new.person", "0001")
        assert person.id == links.person_of("0001")
        deployment.sessions.open(person)
        call(end, "new.person")
        assert None is links.person_of("0001")
        assert () == deployment.sessions.of_person(person.id)


def test_an_operator_sees_what_a_person_has(deployment: Deployment, erin: Person) -> None:
    """Factors, sessions, and what is locked; no address, no code; the same as JSON."""
    enrolled = deployment.totp.enrol(erin.id, "erin.walsh", name="Phone")
    deployment.totp.confirm(erin.id, pyotp.TOTP(enrolled.secret).at(int(deployment.clock.now())))
    codes = deployment.recovery.issue(erin.id)
    for _ in range(120):
        deployment.clock.advance(1000)
        with pytest.raises(SignInRefused):
            deployment.directory.check_password("erin.walsh", "wrong", source="192.0.2.1")
    deployment.sessions.open(erin, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    shown = call("show", "Erin.Walsh").stdout
    for words in ("Phone (totp), added", "never used", "Firefox", "employee", "active"):
        assert words in shown
    about = json.loads(call("show", "erin.walsh", "--json").stdout)
    assert ("locked", len(codes)) == (about["passwords"], about["recovery_codes"])
    assert "open in known browsers, open in others" == about["codes"]
    assert [] == [code for code in codes if code in shown]
    assert enrolled.secret not in shown


def test_a_new_password_is_told(deployment: Deployment, erin: Person) -> None:
    """Whoever's password an operator replaced hears of it."""
    call("password", "erin.walsh", typed=f"{NEW}\n{NEW}\n")
    assert "new password" in deployment.factors.notices.of(erin.id)[-1].text


def test_signing_out_ends_sessions_and_nothing_else(deployment: Deployment, erin: Person) -> None:
    """With its entry first; the password stays."""
    token, _ = deployment.sessions.open(erin, "Firefox")
    call("sign-out", "erin.walsh")
    with pytest.raises(SessionEnded):
        deployment.sessions.resolve(token)
    assert "people.sign_out" == deployment.audit.entries[-1]["operation"]
    assert erin == deployment.directory.check_password("erin.walsh", PASSWORD)
    deployment.audit.broken = True
    token, _ = deployment.sessions.open(erin, "Firefox")
    with pytest.raises(Unavailable):
        call("sign-out", "erin.walsh")
    deployment.sessions.resolve(token)


def test_everybody_is_signed_out(deployment: Deployment, erin: Person) -> None:
    """Every session of all people, its entry first; a person and everybody at once is a slip."""
    token, _ = deployment.sessions.open(erin, "Firefox")
    other = deployment.directory.add("marco.ruiz", "Marco", ["employee"], PASSWORD)
    deployment.sessions.open(other, "Firefox")
    for slip in (["sign-out"], ["sign-out", "erin.walsh", "--everybody"]):
        assert 2 == CliRunner().invoke(people, slip).exit_code
    deployment.audit.broken = True
    with pytest.raises(Unavailable):
        call("sign-out", "--everybody")
    deployment.sessions.resolve(token)
    deployment.audit.broken = False
    call("sign-out", "--everybody")
    assert "people.sign_out_everybody" == deployment.audit.entries[-1]["operation"]
    for person in (erin, other):
        assert () == deployment.sessions.of_person(person.id)

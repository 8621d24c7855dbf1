"""What `propose`, `approve` and `status` have in common: the edit in the files, and its people.

Unlike the other commands of `gatehouse policy` these open the deployment, because who stands for an
edit is kept there and a person has to be proven.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gatehouse.cli.home import home_directory
from gatehouse.cli.people import PASSWORD_FILE, asked_password
from gatehouse.errors import IntegrityError, InvalidInput
from gatehouse.policy.guards import HARMLESS

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.policy import PolicySet
    from gatehouse.policy.four_eyes import InForce
    from gatehouse.policy.guards import Verdict
    from gatehouse.runtime import Runtime

SHORTEST = 12
NOBODY_NEEDED = (
    "this edit opens nothing and keeps what the policy tests forbid: it takes effect without a second "
    "person"
)


@dataclass(frozen=True)
class Offered:
    """The policies in the files, what they would follow, and what that does."""

    runtime: Runtime
    policies: PolicySet
    base: InForce | None
    before: PolicySet | None
    verdict: Verdict

    @property
    def revision(self) -> str:
        return self.policies.revision

    @property
    def waits(self) -> bool:
        """Whether it takes two people."""
        return self.verdict not in HARMLESS


def open_deployment() -> Runtime:
    """The deployment; raises `InvalidInput` when four eyes are not switched on."""
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    if not runtime.settings.policy.four_eyes:
        raise InvalidInput(
            "four eyes are not switched on: every valid edit takes effect at once",
            "set four_eyes = true in the section [policy] of gatehouse.toml",
        )
    return runtime


def offered(runtime: Runtime) -> Offered:
    """What lies in the files. Raises `PolicyInvalid` with its mistakes."""
    from gatehouse.policy import load_directory, read_domain
    from gatehouse.policy.four_eyes import verdict_of
    from gatehouse.policy.lastgood import LastGood
    from gatehouse.policy.loader import build
    from gatehouse.policy.status import DIRECTORY

    settings = runtime.settings
    domain = read_domain(settings.path("domain.yml"))
    zone = settings.policy.time_zone
    policies = load_directory(settings.path(settings.policy.directory), domain, zone)
    base = runtime.approvals.in_force()
    if base is None:
        return Offered(runtime, policies, None, None, "widens")
    if base.revision == policies.revision:
        return Offered(runtime, policies, base, policies, "same")
    key = runtime.ring.service_key("policy-last-good")
    kept = LastGood(settings.path(DIRECTORY), key).load()
    if kept is None or (kept.sources.revision, kept.serial) != (base.revision, base.serial):
        raise IntegrityError(
            "the policies that are in force cannot be established",
            "put back the files of the revision that was in force",
        )
    before = build(kept.sources, domain, zone)
    does = verdict_of(before, policies, runtime.clock.now())
    return Offered(runtime, policies, base, before, does)


def exactly(revision: str | None, found: Offered) -> None:
    """Raises `InvalidInput` unless `revision` names what lies in the files."""
    if revision is None:
        return
    same = found.revision.startswith(revision.lower())
    if same and len(revision) < SHORTEST:
        raise InvalidInput(
            f"`{revision}` is too short to name what you stand for",
            f"give {SHORTEST} digits or more of {found.revision}",
        )
    if not same:
        raise InvalidInput(
            f"the files have the revision {found.revision}",
            f"give it, or its first {SHORTEST} digits or more; it changes with every edit",
        )


def proven(
    found: Offered,
    username: str | None,
    purpose: str,
    may: Callable[[str], object] = lambda person_id: None,
) -> Person:
    """The person at the terminal, proven by password and code for this one revision."""
    name = username or click.prompt("User name", err=True)
    password = asked_password(confirm=False)
    person = found.runtime.approver.prove(
        name,
        password,
        lambda: str(click.prompt("Code from the app", err=True)),
        purpose,
        found.revision,
        may,
    )
    return person


def summary(found: Offered) -> str:
    """What a person has to read before standing for an edit."""
    rules = {rule.id: rule for rule in found.policies.rules}
    old = {rule.id: rule for rule in found.before.rules} if found.before else {}
    added, removed = sorted(rules.keys() - old.keys()), sorted(old.keys() - rules.keys())
    changed = sorted(
        name for name in rules.keys() & old.keys() if _shown(rules[name]) != _shown(old[name])
    )
    lines = [f"revision {found.revision}", *_decisions(found)]
    for label, names in (("added", added), ("removed", removed), ("changed", changed)):
        lines += [f"  {label} rule {name}" for name in names]
    was, now = found.before.tested if found.before else 0, found.policies.tested
    if now < was or not now:
        lines.append(f"  policy tests check {now} decisions, before the edit {was}")
    return "\n".join(lines)


def _decisions(found: Offered) -> list[str]:
    """Which decisions the edit changes, as `gatehouse policy diff` says it."""
    from gatehouse.cli.policy.diff import lines
    from gatehouse.policy.diff import TooLarge, compare

    if found.before is None:
        return ["these are the first policies of this deployment: read them as a whole"]
    try:
        return [*lines(compare(found.before, found.policies), None, False), ""]
    except TooLarge as error:
        return [f"which decisions change is too much to compare ({error.message}): read the rules"]


def _shown(rule: object) -> str:
    from gatehouse.policy.rules import Rule

    assert isinstance(rule, Rule)
    clauses = [(clause.fact, clause.words) for clause in rule.clauses]
    return repr(
        (
            rule.effect,
            rule.why,
            sorted(rule.intents),
            sorted(rule.roles or ()),
            sorted(rule.except_roles),
            clauses,
            rule.step_up,
            rule.say,
        )
    )


username_option = click.option("--as", "username", metavar="USERNAME", help="Who you are.")
PASSWORD_HELP = f"The password is asked for, or read from the file that {PASSWORD_FILE} names."

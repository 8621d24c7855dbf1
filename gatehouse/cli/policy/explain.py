"""`gatehouse policy explain`: why a request is decided as it is. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, known, print_json
from gatehouse.errors import InvalidInput
from gatehouse.policy.document import parse
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import Problems
from gatehouse.policy.explain import explain as explain_request
from gatehouse.policy.fields import Fields
from gatehouse.policy.model import Principal, Request
from gatehouse.policy.situations import ordinary, read_situation


@click.command()
@files_options
@json_option
@click.argument("intent")
@click.option("--role", "roles", multiple=True, required=True, help="A role of the person.")
@click.option("--department", help="The department of the person.")
@click.option("--employment-type", help="The employment type of the person.")
@click.option(
    "--given",
    metavar="YAML",
    help='What is special, as in policy tests: "{subject: team, aal: 2, aal_age: 1m}".',
)
def explain(
    directory: Path | None,
    domain: Path | None,
    as_json: bool,
    intent: str,
    roles: tuple[str, ...],
    department: str | None,
    employment_type: str | None,
    given: str | None,
) -> None:
    """Show why a request for INTENT is decided as it is: every rule, every condition.

    A role brings the roles that come with it.
    """
    policies = Files(directory, domain).load_untested()
    words = policies.vocabulary
    known(intent, words.intents.keys(), "intent")
    for role in roles:
        known(role, words.roles.keys(), "role")
    person = Principal(
        id="somebody",
        roles=frozenset[str]().union(*(words.comes_with[role] for role in roles)),
        department=department,
        employment_type=employment_type,
    )
    request = replace(_situation(policies, given), principal=person, intent=intent)
    explanation = explain_request(policies, request)
    if as_json:
        print_json(explanation.as_dict())
    else:
        click.echo("\n".join(explanation.lines()))


def _situation(policies: PolicySet, given: str | None) -> Request:
    base = ordinary(policies.vocabulary)
    if given is None:
        return base
    problems = Problems()
    node = parse("--given", given.encode("utf-8", "surrogateescape"), problems)
    if node is not None:
        base = read_situation(Fields(problems), node, "", base, policies.vocabulary)
    if problems.errors():
        raise InvalidInput("\n".join(str(problem) for problem in problems.errors()))
    return base

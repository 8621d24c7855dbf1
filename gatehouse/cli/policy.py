"""`gatehouse policy`: check, show and explain the policies without starting anything.

Works on files alone: no database, no keys, no framework. It must never change anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.clock import SystemClock, as_datetime
from gatehouse.errors import InvalidInput
from gatehouse.policy.document import parse
from gatehouse.policy.domain import read_domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Problem, Problems, did_you_mean
from gatehouse.policy.explain import explain as explain_request
from gatehouse.policy.fields import Fields
from gatehouse.policy.loader import load_directory
from gatehouse.policy.matrix import as_csv, as_text
from gatehouse.policy.matrix import matrix as matrix_of
from gatehouse.policy.model import Principal, Request
from gatehouse.policy.situations import ordinary, read_situation
from gatehouse.policy.times import zone_of
from gatehouse.settings import load_settings

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class _Files:
    """Which files a command works on; None: those of the deployment."""

    directory: Path | None
    domain: Path | None

    def load(self) -> PolicySet:
        home = home_directory() if None in (self.directory, self.domain) else Path.cwd()
        settings = load_settings(home)
        directory = self.directory or settings.path(settings.policy.directory)
        domain = read_domain(self.domain or home / "domain.yml")
        return load_directory(directory, domain, settings.policy.time_zone)


def _files(command: Command) -> Command:
    for name, text in (
        ("--domain", "The domain.yml, or a directory of such files."),
        ("--directory", "The policy directory."),
    ):
        command = click.option(name, type=click.Path(path_type=Path), help=text)(command)
    return command


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def policy() -> None:
    """Check, show and explain the policies."""


@policy.command()
@_files
@_json
def check(directory: Path | None, domain: Path | None, as_json: bool) -> None:
    """Check the policy files and run the policy tests.

    Exit code 3: the files have mistakes. 4: they are well formed, but a test fails.
    """
    try:
        policies = _Files(directory, domain).load()
    except PolicyInvalid as invalid:
        if not as_json:
            raise
        _print({"valid": False, "problems": [item.as_dict() for item in invalid.problems]})
        click.get_current_context().exit(invalid.exit_code)
    warnings = [*policies.warnings, *_ended(policies)]
    if as_json:
        shown = [item.as_dict() for item in warnings]
        _print({"valid": True, "problems": shown, **_summary(policies)})
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    counts = _summary(policies)
    click.echo(
        f"ok: {counts['rules']} rules for {counts['intents']} intents and {counts['roles']} roles, "
        f"{counts['tests']} tests passed\nrevision {policies.revision}"
    )


@policy.command()
@_files
@_json
@click.option("--csv", "csv_format", is_flag=True, help="Print a table for a spreadsheet.")
def matrix(directory: Path | None, domain: Path | None, as_json: bool, csv_format: bool) -> None:
    """Show who may ask what."""
    policies = _Files(directory, domain).load()
    cells = matrix_of(policies)
    if as_json:
        _print({"revision": policies.revision, "cells": [cell.as_dict() for cell in cells]})
    elif csv_format:
        click.echo(as_csv(policies, cells), nl=False)
    else:
        click.echo(as_text(policies, cells))


@policy.command()
@_files
@_json
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
    policies = _Files(directory, domain).load()
    known = policies.vocabulary
    _known(intent, known.intents.keys(), "intent")
    for role in roles:
        _known(role, known.roles.keys(), "role")
    person = Principal(
        id="somebody",
        roles=frozenset[str]().union(*(known.comes_with[role] for role in roles)),
        department=department,
        employment_type=employment_type,
    )
    request = replace(_situation(policies, given), principal=person, intent=intent)
    explanation = explain_request(policies, request)
    if as_json:
        _print(explanation.as_dict())
    else:
        click.echo("\n".join(explanation.lines()))


def _ended(policies: PolicySet) -> list[Problem]:
    """Rules that ended by themselves before today; a load must not depend on the day."""
    zone = zone_of(policies.vocabulary.zone)
    today = as_datetime(SystemClock().now()).astimezone(zone).date()
    return [
        Problem(rule.where, "", f"the rule `{rule.id}` ended on {rule.valid_until}", kind="warning")
        for rule in policies.rules
        if rule.valid_until is not None and rule.valid_until < today
    ]


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


def _known(word: str, words: Any, noun: str) -> None:
    if word not in words:
        hint = did_you_mean(word, words)
        raise InvalidInput(f"unknown {noun} `{word}`", *([hint] if hint else []))


def _summary(policies: PolicySet) -> dict[str, int | str]:
    return {
        "revision": policies.revision,
        "rules": len(policies.rules),
        "intents": len(policies.intents),
        "roles": len(policies.roles),
        "tests": policies.tested,
    }


def _print(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))

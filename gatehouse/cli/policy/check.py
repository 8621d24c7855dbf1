"""`gatehouse policy check`: is everything right? Changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.home import home_directory
from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.clock import SystemClock, as_datetime
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Problem
from gatehouse.policy.loader import load_directory
from gatehouse.policy.status import DIRECTORY, read_status
from gatehouse.policy.times import zone_of
from gatehouse.settings import load_settings

_EDITS = {
    "widens": "widens access",
    "mixed": "widens and narrows access",
    "loosens": "lets the policy tests forbid less",
}


@click.command()
@files_options
@json_option
def check(directory: Path | None, domain: Path | None, as_json: bool) -> None:
    """Check the policy files and run the policy tests.

    Exit code 3: the files have mistakes. 4: they are well formed, but a test fails.
    """
    try:
        policies = Files(directory, domain).load()
    except PolicyInvalid as invalid:
        if not as_json:
            raise
        print_json({"valid": False, "problems": [item.as_dict() for item in invalid.problems]})
        click.get_current_context().exit(invalid.exit_code)
    warnings = [*policies.warnings, *_ended(policies)]
    notes = [] if directory or domain else _notes(policies)
    if as_json:
        shown = [item.as_dict() for item in warnings]
        print_json({"valid": True, "problems": shown, "notes": notes, **_summary(policies)})
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    counts = _summary(policies)
    click.echo(
        f"ok: {counts['rules']} rules for {counts['intents']} intents and {counts['roles']} roles, "
        f"{counts['tests']} tests passed\nrevision {policies.revision}"
    )


def _notes(policies: PolicySet) -> list[str]:
    """What the assistant that was started last makes of these files, where it differs.

    It knows the domain of its start; this command reads the domain.yml of now.
    """
    home = home_directory()
    settings = load_settings(home)
    told = read_status(settings.path(DIRECTORY))
    if told is None:
        return []
    notes = []
    try:
        folder = settings.path(settings.policy.directory)
        load_directory(folder, told.domain, settings.policy.time_zone)
    except PolicyInvalid as invalid:
        notes.append(
            "the assistant was started with another domain.yml and does not take these policies "
            f"before `gatehouse train` and a restart: {invalid.problems[0]}"
        )
    if told.waits and told.offered == policies.revision:
        notes.append(
            f"this edit {_EDITS.get(told.waits, told.waits)}, so it waits for a second person; "
            "`gatehouse policy status` shows for whom"
        )
    elif settings.policy.four_eyes and told.in_force != policies.revision:
        notes.append(
            "with four eyes, an edit that opens something or lets the policy tests forbid less waits "
            "for a second person"
        )
    return notes


def _ended(policies: PolicySet) -> list[Problem]:
    """Rules that ended by themselves before today; a load must not depend on the day."""
    zone = zone_of(policies.vocabulary.zone)
    today = as_datetime(SystemClock().now()).astimezone(zone).date()
    return [
        Problem(rule.where, "", f"the rule `{rule.id}` ended on {rule.valid_until}", kind="warning")
        for rule in policies.rules
        if rule.valid_until is not None and rule.valid_until < today
    ]


def _summary(policies: PolicySet) -> dict[str, int | str]:
    return {
        "revision": policies.revision,
        "rules": len(policies.rules),
        "intents": len(policies.intents),
        "roles": len(policies.roles),
        "tests": policies.tested,
    }

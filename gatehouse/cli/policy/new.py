"""`gatehouse policy new`: a new rule to start from.

Prints it, or adds it to a file of the policy directory after the whole directory with it was
checked and tested. Never writes a rule that opens something by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.errors import InvalidInput, Unavailable
from gatehouse.policy.document import AMBIGUOUS
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Position, Problems
from gatehouse.policy.fields import is_name
from gatehouse.policy.loader import PolicyTestsFailed, build
from gatehouse.policy.rules import EFFECTS
from gatehouse.policy.scaffold import Outline, file_text, rule_text, uncommented
from gatehouse.policy.sources import Sources, read_directory
from gatehouse.settings import load_settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("rule")
@click.option("--effect", type=click.Choice(EFFECTS), default="deny", show_default=True)
@click.option("--why", default="", help="The reason, in words.")
@click.option("--intent", "intents", multiple=True, help="A request; may be repeated.")
@click.option("--group", "groups", multiple=True, help="A group of requests; may be repeated.")
@click.option("--role", "roles", multiple=True, help="Who it is about; everybody without it.")
@click.option("--except-role", "except_roles", multiple=True, help="Everybody but these.")
@click.option("--subject", multiple=True, help="Whose data: self, team, anyone, nobody.")
@click.option("--hours", default="", help='Such as "18:00-08:00 Europe/Berlin".')
@click.option("--weekdays", default="", help="Such as mon-fri.")
@click.option("--network-zone", default="", help="Where from.")
@click.option("--max-age", default="", help="How old a code may be, such as 5m.")
@click.option("--say", default="", help="The response to a refused person.")
@click.option("--from", "valid_from", type=_DAY, help="The first day.")
@click.option("--until", "valid_until", type=_DAY, help="The last day.")
@click.option("--file", help="Add it to this file of the policy directory, new or not.")
@click.option("--owner", default="compliance", show_default=True, help="The owner of a new file.")
@files_options
@json_option
def new(
    rule: str,
    file: str | None,
    owner: str,
    directory: Path | None,
    domain: Path | None,
    as_json: bool,
    valid_from: datetime | None,
    valid_until: datetime | None,
    **given: Any,
) -> None:
    """Start a rule called RULE: it denies, unless --effect says otherwise.

    A rule that allows is only prepared as a comment. With --file it is added there, if everything
    is right with it; without, it is printed.
    """
    outline = Outline(
        id=rule,
        valid_from=valid_from.date() if valid_from else None,
        valid_until=valid_until.date() if valid_until else None,
        **given,
    )
    if not is_name(rule) or rule in AMBIGUOUS:
        raise InvalidInput(
            f"`{rule}` is no name for a rule", "use words of a-z and 0-9, with - between them"
        )
    if not outline.intents and not outline.groups:
        raise InvalidInput("the rule names no requests", "add --intent or --group")
    files = Files(directory, domain)
    sources = _sources(files)
    text, name = _placed(outline, sources, file, owner)
    try:
        _check(files, sources, name, text, outline)
    except PolicyTestsFailed as failed:
        if file:
            raise
        click.echo(f"warning: {failed.problems[0]}", err=True)
    if file:
        _write(files.place() / name, text)
    shown = rule_text(outline)
    if as_json:
        print_json({"rule": rule, "file": name if file else None, "text": shown})
    else:
        click.echo(shown, nl=False)
        if file:
            click.echo(f"added to {files.place() / name}", err=True)


def _sources(files: Files) -> Sources:
    problems = Problems()
    sources = read_directory(files.place(), problems)
    if problems.errors():
        raise PolicyInvalid(problems.errors())
    return sources


def _placed(outline: Outline, sources: Sources, file: str | None, owner: str) -> tuple[str, str]:
    """The text of the file with the rule in it, and its name."""
    name = file or f"{outline.id}.yml"
    if "/" in name or not name.endswith(".yml") or name in ("vocabulary.yml", "intents.yml"):
        raise InvalidInput(
            f"`{name}` is no file for rules", "name it as in --file restrictions.yml"
        )
    kept = sources.files.get(name)
    if kept is None and outline.effect == "allow":
        if file is None:
            return "", ""
        raise InvalidInput(
            "a rule that allows is only prepared as a comment", "name a file that has other rules"
        )
    if kept is None:
        return file_text(outline, owner), name
    before = kept.decode("utf-8", "surrogateescape")
    return f"{before.rstrip()}\n\n{rule_text(outline)}", name


def _check(files: Files, sources: Sources, name: str, text: str, outline: Outline) -> None:
    """Raises `PolicyInvalid` unless the directory with the rule is valid and has exactly it more."""
    zone = load_settings(files.home()).policy.time_zone
    before = build(sources, files.names(), zone)
    for rule in before.rules:
        if rule.id == outline.id:
            raise InvalidInput(
                f"there is a rule `{rule.id}`, at {rule.where}", "choose another name"
            )
    if outline.effect == "allow":
        # A comment is not checked by anybody until it no longer is one.
        live = uncommented(outline, "new").encode("utf-8", "surrogateescape")
        alone = {**sources.files, f"{outline.id}-uncommented.yml": live}
        try:
            _build_with(alone, sources, files, zone)
        except PolicyTestsFailed as failed:
            click.echo(f"warning: {failed.problems[0]}", err=True)
    if not name:
        return
    changed = {**sources.files, name: text.encode("utf-8", "surrogateescape")}
    after = _build_with(changed, sources, files, zone)
    more = {rule.id for rule in after.rules} - {rule.id for rule in before.rules}
    if more != (set() if outline.effect == "allow" else {outline.id}):
        raise InvalidInput(
            f"the rule cannot be added at the end of {name}", "add the printed text by hand"
        )


def _build_with(texts: Mapping[str, bytes], sources: Sources, files: Files, zone: str) -> PolicySet:
    """The policies with a file that is not there yet; nobody is sent to look for a mistake in it."""
    try:
        return build(Sources(sources.label, texts), files.names(), zone)
    except PolicyTestsFailed:
        raise
    except PolicyInvalid as invalid:
        there = {sources.shown(name) for name in sources.files}
        raise PolicyInvalid(
            problem
            if problem.where.file in there
            else replace(
                problem,
                where=Position("the new rule"),
                path=problem.path.removeprefix("rules[0]").removeprefix("."),
            )
            for problem in invalid.problems
        ) from invalid


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error

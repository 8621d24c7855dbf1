"""`gatehouse policy replay`: which recorded decisions would be different.

Reads the audit log and changes nothing, there or elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import click

from gatehouse.cli.home import home_directory
from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.cli.policy.terminal import fitted
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.policy.diff.describe import EFFECTS
from gatehouse.policy.replay import Replay
from gatehouse.policy.replay import replay as replay_entries
from gatehouse.settings import load_settings


@click.command()
@click.argument("policies", required=False)
@files_options
@json_option
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="The first day to look at (UTC).")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day to look at (UTC).")
def replay(
    policies: str | None,
    directory: Path | None,
    domain: Path | None,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Show which decisions of the audit log would be different under POLICIES.

    POLICIES is a directory or a revision, as in `diff`; the policy directory unless it is named.
    What a person said, slots and attributes of records are not in the log: decisions that hang on
    them are counted and not made again.
    """
    files = Files(directory, domain)
    wanted = files.find(policies) if policies else files.load_untested()
    if since and until and since > until:
        raise InvalidInput("--since is after --until", "exchange them")
    entries = _entries(since.date() if since else None, until.date() if until else None)
    try:
        found = replay_entries(wanted, entries)
    except (ValueError, KeyError) as error:
        raise InvalidInput(
            "the audit log has a decision record that cannot be read", "gatehouse audit verify"
        ) from error
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo(fitted(_lines(found)))


def _entries(since: date | None, until: date | None) -> Iterator[tuple[int, str]]:
    from gatehouse.audit.reader import LogReader
    from gatehouse.db import file_of, open_engine

    settings = load_settings(home_directory())
    url = settings.database_url(settings.audit)
    file = file_of(url)
    if file is not None and not file.exists():  # opening it would make an empty one
        raise NotReady("there is no audit log yet", "it begins with `gatehouse init`")
    engine = open_engine(url)
    try:
        for entry in LogReader(engine).entries():
            # Bodies are canonical: the time stands first, so the day needs no parsing.
            day = entry.body.partition('"at":"')[2][:10]
            if since and day < since.isoformat():
                continue
            if until and day > until.isoformat():
                continue
            yield entry.sequence, entry.body
    finally:
        engine.dispose()


def _lines(found: Replay) -> Iterator[str]:
    yield f"{found.decisions:,} decisions looked at, under revision {found.revision[:8]}"
    yield f"{found.same:>8,} the same"
    yield f"{found.changed.total():>8,} different"
    for one, count in found.changed.most_common():
        sequence, at = found.last[one]
        who = ", ".join(one.roles) or "nobody known"
        yield f"{count:>12,}  {one.intent} ({one.stage}) by {who}"
        yield f"              was {EFFECTS[one.was]} by {one.was_rule}, would be " + (
            f"{EFFECTS[one.now]} by {one.now_rule}; last at {at}, entry {sequence}"
        )
    yield f"{found.not_replayed.total():>8,} cannot be made again"
    for reason, count in found.not_replayed.most_common():
        yield f"{count:>12,}  {reason}"

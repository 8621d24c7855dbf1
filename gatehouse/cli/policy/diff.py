"""`gatehouse policy diff`: which decisions an edit changes, and whether it opens anything.

Compares two directories, or revisions that the server had in force. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.policy.files import Files, files_options, is_directory, json_option, print_json
from gatehouse.cli.policy.terminal import fitted
from gatehouse.clock import SystemClock, as_datetime
from gatehouse.errors import GatehouseError
from gatehouse.policy.diff import Change, Comparison, compare
from gatehouse.policy.diff.describe import accounts, comes_with, example, when, who
from gatehouse.policy.diff.summary import Near, Row, summary
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.guards import HARMLESS
from gatehouse.policy.loader import run_tests
from gatehouse.policy.times import zone_of
from gatehouse.policy.words import duration

VERDICTS = {
    "same": "nothing changes",
    "words": "the same people get the same; only words or rules behind it change",
    "narrows": "nobody gets more, somebody gets less",
    "loosens": "nobody gets more, but the policy tests forbid less",
    "widens": "somebody gets more, nobody gets less",
    "mixed": "somebody gets more, somebody gets less",
}
GIVES_MORE = "gives somebody more than before"
_MARKS = {"widens": "+ more", "narrows": "- less", "mixed": "! both", "words": "  same"}


class Widens(GatehouseError):
    """The edit gives somebody more than before, or may be followed by one that does."""

    exit_code = 4


@click.command()
@click.argument("before", default="in-force")
@click.argument("after", required=False)
@files_options
@json_option
@click.option("--all-times", is_flag=True, help="Also what was different before today.")
@click.option("--words", is_flag=True, help="List the changes of words, too.")
@click.option(
    "--no-widening",
    is_flag=True,
    help="Exit with 4 when it would wait for a second person: somebody gets more, or the tests forbid less.",
)
def diff(
    before: str,
    after: str | None,
    directory: Path | None,
    domain: Path | None,
    as_json: bool,
    all_times: bool,
    words: bool,
    no_widening: bool,
) -> None:
    """Show which decisions change from BEFORE to AFTER.

    Each is a directory, or a revision that the server had in force: `in-force`, `previous`, or how
    its number begins. AFTER is the policy directory unless it is named. The comparison is exact;
    it refuses (exit code 3) when the policies differ in more than 200,000 cases. When a policy test
    of AFTER fails, what changes is shown all the same, then the tests that fail (exit code 4).
    """
    files = Files(directory, domain)
    old, new = files.find(before), files.find(after) if after else files.load_untested()
    since = None if all_times else _today(new)
    found = compare(old, new, since=since)
    if as_json:
        print_json(_as_dict(found, since))
    else:
        click.echo(fitted(lines(found, since, words)))
    if no_widening and found.verdict not in HARMLESS:
        what = "lets the policy tests forbid less" if found.verdict == "loosens" else GIVES_MORE
        raise Widens(f"the edit {what}", "have it approved, or narrow it")
    if after is None or is_directory(after):
        run_tests(new)  # those of a revision that was in force passed


def _today(policies: PolicySet) -> datetime:
    zone = zone_of(policies.vocabulary.zone)
    today = as_datetime(SystemClock().now()).astimezone(zone).date()
    return datetime.combine(today, time(0), zone)


def lines(found: Comparison, since: datetime | None, words: bool) -> Iterator[str]:
    """The comparison as a terminal shows it, also to those who approve an edit."""
    yield f"{found.verdict}: {VERDICTS[found.verdict]}"
    reach = f"decisions from {since:%Y-%m-%d} on" if since else "decisions at all times"
    yield f"{found.before[:8]} → {found.after[:8]}, {reach}, {found.cases:,} cases looked at"
    shown = summary(found)
    for row in shown.rows:
        yield from _row(row)
    for near in shown.near:
        yield from _near(near)
    for kept in shown.retained:
        yield ""
        yield (
            f"{_MARKS[kept.direction]}  kept {_kept(kept.after)}, was {_kept(kept.before)}: "
            f"what is said about {', '.join(kept.intents)}"
        )
    for sentence in comes_with(found):
        yield ""
        yield f"{_MARKS['words']}  {sentence}"
    if found.lost:
        yield ""
        yield "! tests do not forbid any more what they forbade before:"
        yield from (f"        {item}" for item in found.lost)
    if shown.words and words:
        for row in shown.words:
            yield from _row(row)
    elif shown.words:
        intents = len({intent for row in shown.words for intent in row.intents})
        yield ""
        yield (
            f"{_MARKS['words']}  for {intents} request{'' if intents == 1 else 's'}, some answers "
            "only have other words or another rule behind them (--words lists them)"
        )


def _row(row: Row) -> Iterator[str]:
    also = f" ({row.also})" if row.also else ""
    yield ""
    yield f"{_MARKS[row.direction]}  {', '.join(row.intents)}: {row.who}{also}"
    yield from (f"        if    {condition}" for condition in row.when)
    yield f"        was   {row.before}"
    yield f"        now   {row.after}"
    yield f"        e.g.  {row.example}"


def _near(near: Near) -> Iterator[str]:
    count = len(near.intents)
    yield ""
    yield (
        f"{_MARKS[near.direction]}  {count} other request{'' if count == 1 else 's'} in words that "
        f"may as well mean {near.runner_up}"
    )
    yield f"        was   {near.before}"
    yield f"        now   {near.after}"
    yield f"        e.g.  {near.example}"


def _kept(seconds: int | None) -> str:
    return "as long as everything else" if seconds is None else f"for {duration(seconds)}"


def _as_dict(found: Comparison, since: datetime | None) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "before": found.before,
        "after": found.after,
        "since": since.isoformat() if since else None,
        "cases": found.cases,
        "changes": [_change(change) for change in found.changes],
        "retention": [kept.as_dict() for kept in found.retention],
        "comes_with": [
            {"role": role, "before": sorted(was), "after": sorted(now)}
            for role, was, now in found.accounts
        ],
        "tests": [item.as_dict() for item in found.lost],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "verdict": change.direction,
        "intent": change.intent,
        "stage": change.stage,
        "runner_up": change.runner_up or None,
        "accounts": accounts(change),
        "who": who(change),
        "when": when(change),
        "before": change.before.as_dict(),
        "after": change.after.as_dict(),
        "example": example(change),
    }

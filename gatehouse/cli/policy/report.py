"""`gatehouse policy report`: the page that is signed.

Writes one HTML file, or prints it; changes nothing else.
"""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.clock import SystemClock, as_datetime
from gatehouse.errors import Unavailable
from gatehouse.policy.diff import Comparison, compare
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.report import Content, page, response_texts, test_files
from gatehouse.policy.times import zone_of
from gatehouse.policy.words import rule_sentence


@click.command()
@files_options
@json_option
@click.option("--since", metavar="BEFORE", help="Show what changed since: as BEFORE of `diff`.")
@click.option("--title", default="Policy report", show_default=True, help="The heading.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file; stdout without it."
)
def report(
    directory: Path | None,
    domain: Path | None,
    as_json: bool,
    since: str | None,
    title: str,
    out: Path | None,
) -> None:
    """Make one self-contained HTML page: matrix, rules in words, tests, retention, changes.

    Open it in a browser, print it, sign it. --json gives the rules in words and the verdict.
    """
    files = Files(directory, domain)
    policies = files.load()
    made = as_datetime(SystemClock().now()).astimezone(zone_of(policies.vocabulary.zone))
    found, named = _changes(files, policies, since, made)
    texts = response_texts(files.domain_path())
    content = Content(
        policies, made, title, test_files(files.place(), policies), texts, found, named
    )
    if as_json:
        print_json(_as_dict(content))
    elif out is None:
        click.echo(page(content), nl=False)
    else:
        try:
            out.write_text(page(content), encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{out} cannot be written: {error.strerror}") from error
        click.echo(f"written: {out}\nrevision {policies.revision}", err=True)


def _changes(
    files: Files, policies: PolicySet, since: str | None, made: datetime
) -> tuple[Comparison | None, str]:
    if since is None:
        return None, ""
    before = files.find(since)
    today = datetime.combine(made.date(), time(0), made.tzinfo)
    return compare(before, policies, since=today), f"revision {before.revision[:8]}"


def _as_dict(content: Content) -> dict[str, object]:
    policies = content.policies
    return {
        "revision": policies.revision,
        "made": content.made.isoformat(),
        "tests": policies.tested,
        "verdict": content.comparison.verdict if content.comparison else None,
        "lost_tests": [one.as_dict() for one in content.comparison.lost]
        if content.comparison
        else [],
        "since": content.comparison.before if content.comparison else None,
        "rules": [
            {
                "rule": rule.id,
                "owner": rule.owner,
                "file": str(rule.where),
                "words": rule_sentence(rule, policies.vocabulary, content.responses),
                "why": rule.why,
            }
            for rule in policies.rules
        ],
        "retention": dict(policies.vocabulary.retention),
    }

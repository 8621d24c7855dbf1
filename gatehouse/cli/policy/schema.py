"""`gatehouse policy schema`: JSON Schemas for editors, with this assistant's own words.

Writes `schema/` in the policy directory and nothing else; the rules do not depend on it.
"""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.policy.json_schema import schemas, write


@click.command()
@files_options
@json_option
def schema(directory: Path | None, domain: Path | None, as_json: bool) -> None:
    """Write the schemas with which an editor completes policy files.

    `gatehouse init` does it too; run it again when requests, roles or responses are added. An editor for YAML finds them by the
    first line of each policy file. --json prints them and writes nothing.
    """
    files = Files(directory, domain)
    vocabulary = files.load().vocabulary
    if as_json:
        print_json(schemas(vocabulary))
        return
    for path in write(files.place(), vocabulary):
        click.echo(f"written: {path}")

"""`gatehouse policy matrix`: who may ask what. Changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.policy.matrix import as_csv, as_text
from gatehouse.policy.matrix import matrix as matrix_of


@click.command()
@files_options
@json_option
@click.option("--csv", "csv_format", is_flag=True, help="Print a table for a spreadsheet.")
def matrix(directory: Path | None, domain: Path | None, as_json: bool, csv_format: bool) -> None:
    """Show who may ask what."""
    policies = Files(directory, domain).load()
    cells = matrix_of(policies)
    if as_json:
        print_json({"revision": policies.revision, "cells": [cell.as_dict() for cell in cells]})
    elif csv_format:
        click.echo(as_csv(policies, cells), nl=False)
    else:
        click.echo(as_text(policies, cells))

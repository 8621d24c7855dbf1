"""`gatehouse policy matrix`: who may ask what. Changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.policy.files import Files, files_options, json_option, print_json
from gatehouse.clock import SystemClock, as_datetime
from gatehouse.policy.matrix import as_csv, as_text
from gatehouse.policy.matrix import matrix as matrix_of
from gatehouse.policy.report import Content, matrix_page
from gatehouse.policy.times import zone_of


@click.command()
@files_options
@json_option
@click.option("--csv", "csv_format", is_flag=True, help="Print a table for a spreadsheet.")
@click.option("--html", "html_format", is_flag=True, help="Print a page for a browser.")
def matrix(
    directory: Path | None, domain: Path | None, as_json: bool, csv_format: bool, html_format: bool
) -> None:
    """Show who may ask what."""
    policies = Files(directory, domain).load()
    cells = matrix_of(policies)
    if as_json:
        print_json({"revision": policies.revision, "cells": [cell.as_dict() for cell in cells]})
    elif csv_format:
        click.echo(as_csv(policies, cells), nl=False)
    elif html_format:
        made = as_datetime(SystemClock().now()).astimezone(zone_of(policies.vocabulary.zone))
        click.echo(matrix_page(Content(policies, made, "Policy matrix")), nl=False)
    else:
        click.echo(as_text(policies, cells))

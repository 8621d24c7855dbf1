"""`gatehouse doctor`: what is wrong with a deployment, and the command that mends each."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON document.")
@click.option("--all", "all_good", is_flag=True, help="Show also what is well, line by line.")
def doctor(as_json: bool, all_good: bool) -> int:
    """Examine the deployment, before it serves or while it does.

    Changes nothing, and needs neither the server nor a database nor valid settings. Exit code: 0
    nothing bad, 4 something has to be mended, 5 something is not what was written, 6 something could
    not be checked.
    """
    from gatehouse.ops.doctor import examine
    from gatehouse.ops.doctor.show import lines

    report = examine(Path(os.environ.get("GATEHOUSE_HOME") or Path.cwd()).resolve())
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
        return report.exit_code
    width = min(110, max(60, shutil.get_terminal_size((100, 24)).columns))
    for text, style in lines(report, width, all_good=all_good):
        click.echo(_styled(text, style))
    return report.exit_code


def _styled(text: str, style: str) -> str:
    if style in ("bold", "dim"):
        return click.style(text, bold=style == "bold", dim=style == "dim")
    return click.style(text, fg=style or None)

"""`gatehouse purge`: remove what has expired, for cron; the server does it by itself as well.

Quiet when all is well and there was nothing to do is what cron wants: one line, exit code 0. When a
database or the keys cannot be reached the exit code is 6 and nothing is lost; the next run goes on.
"""

from __future__ import annotations

import json

import click

from gatehouse.cli.home import home_directory


@click.command()
@click.option("--json", "as_json", is_flag=True, help="What was done, as one JSON document.")
def purge(as_json: bool) -> None:
    """Destroy expired keys and delete the rows that they opened.

    An expired conversation cannot be read even before this ran. Also completes endings and erasures
    that a crash cut off.
    """
    from gatehouse.runtime import open_runtime

    result = open_runtime(home_directory()).purge()
    done = {
        "conversations": result.conversations,
        "records": result.records,
        "keys": result.keys,
        "endings_completed": len(result.ended),
        "overdue_seconds": round(result.overdue, 3),
    }
    if as_json:
        click.echo(json.dumps(done))
    else:
        click.echo(f"{result.conversations} conversations purged")

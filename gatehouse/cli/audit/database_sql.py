"""`gatehouse audit database-sql`."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.command("database-sql")
@click.option("--writer", required=True, help="The role that Gatehouse signs in as.")
def database_sql(writer: str) -> None:
    """Show what the owner of a PostgreSQL database runs once, to prepare it for the log.

    The role --writer, which has to exist, may then read and add, and nothing else: not change, not
    delete, not empty, not alter. Needs audit.url to name that database; it is not connected to.
    """
    from gatehouse.audit import schema
    from gatehouse.db import open_engine
    from gatehouse.settings import load_settings

    settings = load_settings(home_directory())
    engine = open_engine(settings.database_url(settings.audit))
    click.echo(schema.setup_sql(engine, writer), nl=False)

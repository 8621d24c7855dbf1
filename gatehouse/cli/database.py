"""`gatehouse database`: bring tables up to date, and give each service account its rights.

Neither prints nor takes a password. `roles` connects to nothing: it prints what the owner runs.
"""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.group()
def database() -> None:
    """Update the tables, and give service accounts no more rights than they need."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the tables of the main database to this version, as the role of database.url.

    A start does it by itself where its role may. Where the server has a role that cannot change
    tables, run this as their owner before the new version starts, and `roles` after it.
    """
    from gatehouse.db import open_engine
    from gatehouse.migrations import MAIN
    from gatehouse.migrations import upgrade as to_newest
    from gatehouse.settings import load_settings

    settings = load_settings(home_directory())
    engine = open_engine(settings.database_url(settings.database))
    try:
        to_newest(engine)
    finally:
        engine.dispose()
    click.echo(f"the tables are those of revision {MAIN.head()}", err=True)


@database.command("roles")
@click.option("--server", required=True, help="Role of the server.")
@click.option("--purge", default="", help="Role of `gatehouse purge` in cron.")
@click.option(
    "--backup",
    default="",
    help="Role for dumps of your own; `gatehouse backup` runs as the server.",
)
@click.option("--auditor", default="", help="Role of who reads the audit log.")
def roles(server: str, purge: str, backup: str, auditor: str) -> None:
    """Show the SQL that the owner of a PostgreSQL database runs after each upgrade.

    The roles have to exist. Pipe it to psql, connected to the main database; where the audit log is
    in another one, there as well.
    """
    from gatehouse.ops.database_roles import Accounts, roles_sql

    click.echo(roles_sql(Accounts(server, purge, backup, auditor)), nl=False)

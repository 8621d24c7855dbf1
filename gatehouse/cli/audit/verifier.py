"""`gatehouse audit verifier`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
def verifier() -> None:
    """Show the verifier that works without Gatehouse: one file of Python to read and to run.

    gatehouse audit verifier > verify_audit.py
    """
    import gatehouse.audit

    source = Path(gatehouse.audit.__file__).with_name("standalone.py")
    click.echo(source.read_text(encoding="utf-8"), nl=False)

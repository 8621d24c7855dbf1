"""`gatehouse audit key`."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.command()
def key() -> None:
    """Show the verifier keys of the log and of its witness, one a line.

    An auditor should get them on a way that nobody who runs the log controls, once, and compare.
    """
    from gatehouse.audit.checkpoint import CosignatureVerifier, PostQuantumVerifier
    from gatehouse.audit.note import Ed25519Verifier
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    trust = runtime.checkpoints.trust
    for verifier in (*trust.log, *trust.witnesses):
        if (
            isinstance(verifier, PostQuantumVerifier)
            and runtime.settings.audit.post_quantum != "on"
        ):
            continue
        if isinstance(verifier, Ed25519Verifier | CosignatureVerifier | PostQuantumVerifier):
            click.echo(verifier.vkey)

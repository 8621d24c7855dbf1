"""`gatehouse audit prove`."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput


@click.command()
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write to.")
def prove(sequence: int, out: Path | None) -> None:
    """Write a proof that the entry SEQUENCE is in the log (C2SP tlog-proof@v1).

    The file holds the entry, its path in the tree and the newest checkpoint with its signatures. The
    stand-alone verifier checks it with the log's key and nothing else.
    """
    from gatehouse.audit.proofs import TlogProof, check_inclusion, inclusion_proof
    from gatehouse.audit.tree import leaf_hash
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    log, checkpoints = runtime.audit, runtime.checkpoints
    note = log.last_checkpoint()
    signed = checkpoints.trust.read(note) if note else None
    if signed is None or signed.checkpoint.size < sequence:
        if sequence > log.size():
            raise InvalidInput(f"there is no entry {sequence}", f"the log has {log.size()} entries")
        signed = checkpoints.make()
    assert signed is not None  # there is an entry
    data = log.entry(sequence).body.encode()
    size = signed.checkpoint.size
    path = inclusion_proof(sequence - 1, size, log.node, log.leaf)
    check_inclusion(sequence - 1, size, leaf_hash(data), path, signed.checkpoint.root)
    text = TlogProof(sequence - 1, path, signed.note, data).format()
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"proof of entry {sequence} written to {out}", err=True)

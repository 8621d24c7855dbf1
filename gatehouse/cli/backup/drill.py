"""`gatehouse backup drill`: a backup that was never restored does not count."""

from __future__ import annotations

import json

import click

from gatehouse.cli.backup.common import json_option, latest, opened, place_option, progress


@click.command()
@click.argument("backup", required=False)
@click.option("--say", "sentences", multiple=True, help="A sentence to try; may be repeated.")
@place_option
@json_option
def drill(backup: str | None, sentences: tuple[str, ...], place: str, as_json: bool) -> None:
    """Restore BACKUP, or the newest one, into a throw-away place and talk to it.

    The deployment goes on untouched. Exit code 4 when the restored assistant does not answer. Run
    it from cron once a month; the result is in the audit log, in the metrics and for the doctor.
    """
    from gatehouse.ops.terminal import calm_terminal

    calm_terminal()
    from gatehouse.backup.shelf import Shelf
    from gatehouse.ops.drill import SENTENCES
    from gatehouse.ops.drill import drill as run

    with opened(place) as (runtime, target):
        shelf = Shelf(target, runtime.ring)
        shelf.require_marked()
        manifest = shelf.manifest(backup or latest(shelf, lenient=bool(place)))
        model = runtime.settings.path("models/current.tar.gz")
        with progress("drill") as shown:
            done = run(runtime, target, manifest, model, shown, sentences or SENTENCES)
    scrubbed, live = done.restored.scrubbed, done.restored.proof.classes["live"]
    facts = {
        "backup": done.manifest.id,
        "restored_in": round(done.restored_in, 1),
        "seconds": round(done.seconds, 1),
        "answers": done.answers,
        "conversations": live.conversations,
        "conversations_opened": live.opened,
        "conversations_left_out": scrubbed.conversations,
        "audit_entries": done.entries,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"{done.manifest.id} works: restored in {done.restored_in:.1f} s, "
        f"answered {done.answers} of {done.answers} after {done.seconds:.1f} s"
    )
    click.echo(
        f"{live.opened} of {live.conversations} conversations opened, "
        f"{scrubbed.conversations} that are over were left out; "
        f"{done.entries} entries of the audit log verified"
    )

"""`gatehouse tracker`: a person's rights by an operator's hand, and the proof that erasure holds.

What concerns one person is in the audit log before it is done. Output that holds personal data goes
to stdout or to a file of mode 0600 that must not exist yet, never to a log.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput

if TYPE_CHECKING:
    from gatehouse.identity import Person
    from gatehouse.runtime import Runtime
    from gatehouse.tracker.proof import Report


@click.group()
def tracker() -> None:
    """Export, erase and prove what is stored of conversations."""


@tracker.command()
@click.argument("username")
@click.option(
    "--format", "form", type=click.Choice(["json", "html"]), default="json", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), help="A new file instead of stdout.")
def export(username: str, form: str, output: Path | None) -> None:
    """Everything that is stored about a person, for that person."""
    from gatehouse.tracker.export_page import page

    runtime = deployment()
    person = find_person(runtime, username)
    runtime.audit.append("export", person=person.id, form=form, by="operator")
    document = runtime.rights.export(person)
    if form == "html":
        text = page(document, runtime.settings.policy.time_zone)
    else:
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    put(text, output)


@tracker.command()
@click.argument("username")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--output", type=click.Path(path_type=Path), help="A new file for the receipt.")
def erase(username: str, yes: bool, output: Path | None) -> None:
    """Erase all of a person's conversations, sign-ins and waiting requests, for good.

    The account and its authenticator stay. Prints a signed receipt for the person.
    """
    runtime = deployment()
    person = find_person(runtime, username)
    if not yes:
        click.confirm(
            f"Erase everything that {person.username} said, for good?", abort=True, err=True
        )
    runtime.audit.append("administration", operation="tracker.erase", person=person.id)
    erased = runtime.rights.erase(person.id)
    put(json.dumps(erased.receipt, indent=2) + "\n", output)
    click.echo(f"{erased.conversations} conversations erased", err=True)


@tracker.command("receipt-key")
def receipt_key() -> None:
    """The public key that verifies receipts, to publish."""
    click.echo(deployment().receipts.public_key, nl=False)


@tracker.command("verify-receipt")
@click.argument("receipt", type=click.File("rb"))
@click.option("--key", type=click.File("r"), help="Public key file; then no deployment is needed.")
def verify_receipt(receipt: Any, key: Any) -> None:
    """Verify a receipt of an erasure.

    With the deployment at hand it is compared with the audit log as well.
    """
    from gatehouse.tracker.receipts import LARGEST, read_receipt, verify

    found = read_receipt(receipt.read(LARGEST + 1))
    if key is not None:
        verify(found, key.read(LARGEST))
        click.echo("the receipt is genuine")
        return
    runtime = deployment()
    verify(found, runtime.receipts.public_key)
    _compare_with_log(runtime, found)
    click.echo(f"the receipt is genuine and is what entry {found['log_entry']} of the log says")


@tracker.command("verify-erasure")
@click.option(
    "--backup",
    required=True,
    help="A pg_dump, a copied SQLite file, or the URL of a restored database.",
)
@click.option(
    "--ring",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="An old copy of ring.db, tried as well.",
)
@click.option(
    "--purge/--no-purge", default=True, show_default=True, help="Purge first, as the server does."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document.")
def verify_erasure(backup: str, ring: Path | None, purge: bool, as_json: bool) -> None:
    """Prove that a backup opens all of the living conversations and none of those that are over.

    Exit code 4: something that is over opens. 5: something that lives does not.
    """
    from gatehouse.tracker.backups import open_backup
    from gatehouse.tracker.proof import Prover

    runtime = deployment()
    if purge:
        runtime.purge()
    with ExitStack() as opened:
        old, state = (None, "not given") if ring is None else _old_ring(runtime, ring, opened)
        prover = Prover(runtime.engine, runtime.ring, runtime.clock, old)
        report = prover.examine(opened.enter_context(open_backup(backup)), state)
    click.echo(json.dumps(_as_json(report)) if as_json else _as_text(report))
    report.require()


def _old_ring(runtime: Runtime, copy: Path, opened: ExitStack) -> tuple[Any, str]:
    from gatehouse.keys import EnvelopeError, KeyRing, KeyRingDamaged, RootMissing
    from gatehouse.keys.opening import open_root

    settings = runtime.settings
    try:
        ring = opened.enter_context(
            KeyRing.open_copy(
                copy,
                settings.path(settings.keys.directory),
                runtime.clock,
                lambda _directory: open_root(settings),
            )
        )
    except (RootMissing, EnvelopeError):
        return None, "does not open"
    except KeyRingDamaged as error:
        raise InvalidInput(f"{copy.name} is no copy of a key ring: {error.message}") from error
    return ring, "opens"


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "backup": report.backup,
        "old_ring": report.old_ring,
        "every_key_tried": report.every_key,
        "classes": {
            name: {
                "conversations": one.conversations,
                "opened": None if name == "held" else one.opened,
            }
            for name, one in report.classes.items()
        },
        "passed": _passed(report),
    }


def _passed(report: Report) -> bool:
    try:
        report.require()
    except GatehouseError:
        return False
    return True


_MEANING = {
    "live": "must open",
    "expired": "must not",
    "ended_or_erased": "must not",
    "held": "for the holders of a legal hold only; not tried",
}


def _as_text(report: Report) -> str:
    tried = "every key of the ring" if report.every_key else "the key of each name"
    lines = [f"{report.backup}; tried with {tried}; old ring: {report.old_ring}"]
    for name, one in report.classes.items():
        opened = "-" if name == "held" else f"{one.opened:>7}"
        lines.append(
            f"{name.replace('_', ' '):<16} {one.conversations:>7} found  {opened:>7} opened  ({_MEANING[name]})"
        )
    return "\n".join(lines)


def _compare_with_log(runtime: Runtime, receipt: dict[str, Any]) -> None:
    number = receipt.get("log_entry")
    entry = None
    if isinstance(number, int) and number > 0:
        entry = next(iter(runtime.audit.entries(after=number - 1)), None)
    body = json.loads(entry.body) if entry is not None and entry.sequence == number else {}
    if body.get("kind") != "erasure_receipt" or body.get("receipt") != receipt.get("receipt"):
        raise IntegrityError(
            "the receipt is signed by this deployment, but its log has no such entry",
            "`gatehouse audit verify` says whether the log is whole",
        )


def put(text: str, output: Path | None) -> None:
    """Write to stdout, or to a new file that only its owner reads."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(output, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}") from error


def deployment() -> Runtime:
    """The deployment that a command works on."""
    from gatehouse.runtime import open_runtime

    return open_runtime(home_directory())


def find_person(runtime: Runtime, username: str) -> Person:
    """The person with a user name. Raises `InvalidInput`."""
    person = runtime.directory.by_username(username)
    if person is None:
        raise InvalidInput(
            f"there is no person with the user name {username!r}",
            "`gatehouse people list` shows everybody",
        )
    return person

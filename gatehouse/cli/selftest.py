"""`gatehouse selftest`: attack one's own deployment from outside.

Secrets of the test account come from files, from the environment or from a prompt, never from the
command line, which every user of a machine can read. Needs no project directory: it knows the target
only as everybody does.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    from gatehouse.ops.selftest.account import LentAccount
    from gatehouse.ops.selftest.attack import Attack, Result
    from gatehouse.ops.selftest.site import Site
    from gatehouse.ops.selftest.target import Target

PASSWORD, TOTP = "SELFTEST_PASSWORD", "SELFTEST_TOTP_SECRET"
_LONGEST = 4096


class Found(GatehouseError):
    """The self-test found something, or did not do all that was asked of it."""

    exit_code = 4


_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command("selftest")
@click.argument("url", required=False)
@click.option("--i-own-this", is_flag=True, help="You may attack this address: it is yours.")
@click.option("--ca-file", type=_READ, help="Authority of its certificate, PEM.")
@click.option("--account", default="", help="User name of the test account.")
@click.option("--password-file", type=_READ, help=f"Its password; or {PASSWORD}, or a prompt.")
@click.option("--totp-file", type=_READ, help=f"Secret of its authenticator; or {TOTP}.")
@click.option("--only", multiple=True, metavar="ID", help="Make this attack only; may be repeated.")
@click.option("--skip", multiple=True, metavar="ID", help="Leave this one out; may be repeated.")
@click.option("--destructive", is_flag=True, help="Also attacks that other people would notice.")
@click.option(
    "--sensitive", help="A message that needs a code every time (default: about a payslip)."
)
@click.option("--forbidden", multiple=True, help="A message that the account is refused.")
@click.option("--webhook", default="", help="Name of an incoming webhook to forge messages to.")
@click.option("--max-requests", default=2000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--max-minutes", default=20, show_default=True, type=click.IntRange(1, 240))
@click.option("--require-all", is_flag=True, help="Exit with 4 also when an attack was not run.")
@click.option("--json", "json_file", type=_FILE, help="Write the report as JSON.")
@click.option("--junit", "junit_file", type=_FILE, help="Write it as JUnit XML.")
@click.option("--sarif", "sarif_file", type=_FILE, help="Write it as SARIF 2.1.0.")
@click.option("--html", "html_file", type=_FILE, help="Write it as one page to read.")
@click.option("--list", "show", is_flag=True, help="List the attacks and make none.")
@click.option("--list-json", is_flag=True, help="The same as JSON.")
def selftest(
    url: str | None,
    i_own_this: bool,
    ca_file: Path | None,
    account: str,
    password_file: Path | None,
    totp_file: Path | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    destructive: bool,
    sensitive: str | None,
    forbidden: tuple[str, ...],
    webhook: str,
    max_requests: int,
    max_minutes: int,
    require_all: bool,
    json_file: Path | None,
    junit_file: Path | None,
    sarif_file: Path | None,
    html_file: Path | None,
    show: bool,
    list_json: bool,
) -> None:
    """Attack the deployment at URL, which must be yours, and report what it does not withstand.

    Exit code 4 when something was found. Use a test account of its own with few rights.
    """
    from gatehouse.ops.selftest.catalogue import chosen
    from gatehouse.ops.selftest.report import document, junit, page, sarif, terminal

    attacks = chosen(only, skip)
    if show or list_json:
        click.echo(_listed(attacks, as_json=list_json))
        return
    if not url:
        raise click.UsageError("Missing argument 'URL'.")

    from gatehouse.ops.selftest import engine
    from gatehouse.ops.selftest.site import AGENT, Bounds, Site, Words
    from gatehouse.ops.selftest.target import read_target, recognise, settled, trust_in

    target = read_target(url)
    _own(target, i_own_this)
    for path in (json_file, junit_file, sarif_file, html_file):
        if path is not None:
            _write(path, "")  # what cannot be written is said before the run and not after it
    target, trust = settled(target), trust_in(ca_file)
    recognise(target, target.wire(trust), AGENT)
    words = Words(forbidden=forbidden, webhook=webhook)
    if sensitive:
        words = replace(words, sensitive=sensitive)
    site = Site(
        target,
        trust,
        account=_account(account, password_file, totp_file) if account else None,
        bounds=Bounds(max_requests, max_minutes * 60.0),
        words=words,
        waiting=_say_waiting,
    )
    _try_account(site)
    report = engine.run(site, attacks, destructive=destructive, watch=_Progress(len(attacks)))
    for path, form in (
        (json_file, document.as_json),
        (junit_file, junit.as_junit),
        (sarif_file, sarif.as_sarif),
        (html_file, page.as_page),
    ):
        if path is not None:
            _write(path, form(report))
    click.echo(terminal.table(report))
    failed, left = report.having("failed"), report.having("not_run")
    if report.interrupted:
        raise Found(f"interrupted: {len(attacks) - len(left)} of {len(attacks)} attacks were made")
    if failed:
        raise Found(f"{len(failed)} of {len(attacks)} attacks found something")
    if require_all and left:
        raise Found(f"{len(left)} of {len(attacks)} attacks were not run")


def _listed(attacks: tuple[Attack, ...], *, as_json: bool) -> str:
    import json

    from gatehouse.ops.selftest.report import document, terminal

    if as_json:
        return json.dumps([document.described(one) for one in attacks], indent=2)
    return terminal.listed(attacks)


def _own(target: Target, word: bool) -> None:
    """Go on only where the person says that the target is theirs to attack."""
    if word or target.is_this_machine:
        return
    question = f"{target.origin} is not this machine. Is it yours, and may you attack it?"
    if sys.stdin.isatty() and click.confirm(question, err=True):
        return
    raise click.UsageError(
        f"{target.origin} is not this machine: attack only what is yours, and say so with "
        "--i-own-this."
    )


def _account(username: str, password_file: Path | None, totp_file: Path | None) -> LentAccount:
    from gatehouse.cli.people import _typed_password
    from gatehouse.ops.selftest.account import LentAccount

    password = _secret(password_file, PASSWORD) or _typed_password(False)
    return LentAccount(username, password, _secret(totp_file, TOTP).replace(" ", ""))


def _secret(file: Path | None, variable: str) -> str:
    from gatehouse.errors import InvalidInput

    if file is None:
        return os.environ.get(variable, "")
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_LONGEST).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read") from error


def _try_account(site: Site) -> None:
    """Say at once when the test account does not work, instead of not running half of it."""
    from gatehouse.errors import InvalidInput
    from gatehouse.ops.selftest.attack import NotRun

    if site.account is None:
        return
    try:
        assert site.person
    except NotRun as why:
        raise InvalidInput(
            str(why), "try it in the chat page; an initial password has to be changed there first"
        ) from why


def _say_waiting(seconds: float) -> None:
    click.echo(f"           waiting {seconds:.0f} s for a throttle or the next code", err=True)


def _write(path: Path, text: str) -> None:
    from gatehouse.errors import InvalidInput

    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written") from error


class _Progress:
    """One line on stderr for each attack that is finished."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._done = 0

    def __call__(self, attack: Attack, result: Result | None) -> None:
        from gatehouse.ops.selftest.report.terminal import line_of

        if result is not None:
            self._done += 1
            click.echo(f"{self._done:3}/{self._number} {line_of(result)}", err=True)

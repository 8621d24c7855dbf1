"""The command `gatehouse`: finds a command's module when it is asked for, and explains errors once.

Help answers at once, so nothing here may import Rasa, Sanic or SQLAlchemy, and no group is imported
before it is used. stdout is data, stderr is talk. A traceback is shown only with `--debug`: it could
carry values that a terminal or a log must not see.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import sys
from typing import Any, NoReturn

import click

from gatehouse.errors import GatehouseError, NotReady

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("gatehouse.cli.run:run", "Serve the assistant."),
    "init": ("gatehouse.cli.init:init", "Make keys, certificate authority and databases."),
    "train": ("gatehouse.cli.train:train", "Train the model if something changed."),
    "test": ("gatehouse.cli.test:test", "Run the conversation tests."),
    "demo": ("gatehouse.cli.demo:demo", "Accounts and codes of the demonstration."),
    "policy": ("gatehouse.cli.policy:policy", "Check, explain and try the policy."),
    "people": ("gatehouse.cli.people:people", "Manage who may sign in."),
    "token": ("gatehouse.cli.token:token", "Front ends of people's own and their access tokens."),
    "audit": ("gatehouse.cli.audit:audit", "Read and verify the audit log."),
    "evidence": ("gatehouse.cli.evidence:evidence", "Evidence for auditors, in one signed file."),
    "database": ("gatehouse.cli.database:database", "Update tables, give accounts their rights."),
    "keys": ("gatehouse.cli.keys:keys", "Manage the key ring and its root."),
    "purge": ("gatehouse.cli.purge:purge", "Destroy expired conversations now."),
    "backup": ("gatehouse.cli.backup:backup", "Make, check, try and restore backups."),
    "tracker": ("gatehouse.cli.tracker:tracker", "Export, erase and prove what is stored."),
    "hold": ("gatehouse.cli.hold:hold", "Legal holds, by two persons."),
    "tls": ("gatehouse.cli.tls:tls", "Manage the certificate."),
    "widget": ("gatehouse.cli.widget:widget", "Show the chat page inside a page of your own."),
    "webhooks": ("gatehouse.cli.webhooks:webhooks", "Signed messages to and from other systems."),
    "doctor": ("gatehouse.cli.doctor:doctor", "Examine the deployment; say what to mend."),
    "selftest": ("gatehouse.cli.selftest:selftest", "Attack one's own deployment."),
    "settings": ("gatehouse.cli.settings:settings", "List every setting."),
}


class LazyGroup(click.Group):
    """A group whose commands are known by name and imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        if not is_available(cmd_name):
            raise NotReady(f"`gatehouse {cmd_name}` is not available in this installation")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), module
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, text if is_available(name) else f"{text} (not available)")
            for name, (_, text) in COMMANDS.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def is_available(name: str) -> bool:
    """Whether the module of the command `name` is there; it is not imported."""
    return importlib.util.find_spec(COMMANDS[name][0].partition(":")[0]) is not None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatehouse", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback when something unexpected happens.")
def gatehouse(debug: bool) -> None:
    """A secure conversational assistant on Rasa.

    Works on the project in the current directory, or in GATEHOUSE_HOME.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Exit codes: 0 ok, 1 unexpected, 2 usage, 3 invalid input, 4 tests or gate failed,
    5 integrity failure, 6 environment not ready, 130 interrupted.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given, debug=_asks_for_debug(given)))


def _asks_for_debug(arguments: list[str]) -> bool:
    """Whether `--debug` stands before the command's name, where it belongs to `gatehouse` itself."""
    return "--debug" in itertools.takewhile(lambda argument: argument.startswith("-"), arguments)


def _run(arguments: list[str], *, debug: bool) -> int:
    try:
        result: Any = gatehouse.main(arguments, prog_name="gatehouse", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except GatehouseError as error:
        _explain(error.diagnostics(), debug)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python must not complain about it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - nothing foreign may leave the command line
        _explain(f"error: unexpected {type(error).__name__}\nhint: --debug shows where", debug)
        return 1


def _explain(text: str, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    click.echo(text, err=True)

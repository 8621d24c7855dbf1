"""Serves a deployment as `gatehouse run` does, and weakens it on command, one weakness at a time.

`python -m tests.selftest.launcher ADDRESS …` where ADDRESS is a Unix socket on which the test listens;
what follows are the arguments of `gatehouse`. Over the socket come names of modules below
`weaknesses`; each is undone before the next. The stock HTTP API and REST channel of Rasa are mounted
from the start, behind the door that must keep them shut, so that opening it is a weakness like others.
"""

from __future__ import annotations

import importlib
import sys
import threading
from multiprocessing.connection import Client, Connection
from typing import Any

import pytest

from gatehouse.channel import mounts
from gatehouse.ops import serve, tls


class Kept:
    """What weaknesses need of the running server and cannot find in a module."""

    tls: Any = None


def _obey(commands: Connection) -> None:
    patch, end = pytest.MonkeyPatch(), None
    while True:
        try:
            name = commands.recv()
        except (EOFError, OSError):
            return
        patch.undo()
        try:
            if end is not None:
                end()
            end = None
            if name:
                end = importlib.import_module(f"tests.selftest.weaknesses.{name}").weaken(patch)
        except Exception as error:  # noqa: BLE001 - the test is told
            commands.send(repr(error))
        else:
            commands.send("done")


def _mount_everything() -> None:
    import rasa.core.run
    from rasa.core.channels.rest import RestInput

    configure = rasa.core.run.configure_app

    def with_the_rest(channels: Any, **options: Any) -> Any:
        return configure([*channels, RestInput()], **{**options, "enable_api": True})

    rasa.core.run.configure_app = with_the_rest
    mounts.check = lambda app: None


def _keep_context() -> None:
    made = tls.server_context

    def server_context(*arguments: Any) -> Any:
        Kept.tls = made(*arguments)
        return Kept.tls

    serve.server_context = server_context


def main() -> None:
    address, *arguments = sys.argv[1:]
    commands = Client(address, "AF_UNIX")
    _mount_everything()
    _keep_context()
    threading.Thread(target=_obey, args=(commands,), daemon=True).start()
    from gatehouse.cli.main import main as gatehouse

    gatehouse(arguments)


if __name__ == "__main__":
    # Under its own name, so that weaknesses which import it see the same `Kept`.
    from tests.selftest.launcher import main as start

    start()

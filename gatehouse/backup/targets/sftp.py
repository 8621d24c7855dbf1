"""A directory of another machine, through the `sftp` program of OpenSSH.

The program and not a library: it is on every server, is patched with it, and takes host keys,
identities, jump hosts and hardware tokens from the files that the operator's other tools use. It
never asks for anything (BatchMode) and an unknown host key is refused. Sealed files pass through a
private file of this machine, because sftp cannot read from a pipe. What follows shortly after goes
through the same connection.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gatehouse.backup.errors import TargetUnavailable
from gatehouse.backup.sealing import Readable, Writable
from gatehouse.backup.targets.directory import UNFINISHED, unavailable
from gatehouse.errors import InvalidInput, NotReady

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_LONGEST: Final = 3600  # seconds of one command
_PERSIST: Final = 10  # seconds that a connection waits for the next command
_LONGEST_SOCKET: Final = 50  # characters of a directory, so that the name of a socket fits (108)
_MOST_SAID: Final = 65536


class SftpTarget:
    """The directory `path` of `host`, which has to exist."""

    volume: int | None = None

    def __init__(
        self, user: str, host: str, path: str, config: Path | None, command: tuple[str, ...] = ()
    ) -> None:
        """`command` replaces how sftp is called, for a transport of one's own.

        Raises `NotReady` when the program is missing, `InvalidInput` for a path that it would
        take for a pattern.
        """
        if any(character in "*?[]\\\"'\n" for character in path):
            raise InvalidInput("backup.target: a path of sftp has no *, ?, [, quotes or backslash")
        self._path = path.rstrip("/") or "/"
        self.place = f"sftp://{f'{user}@' if user else ''}{host}{self._path}"
        if command:
            self._command = list(command)
            return
        program = shutil.which("sftp")
        if program is None:
            raise NotReady("the program sftp is missing", "install the OpenSSH client")
        options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-q"]
        options += ["-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15"]
        options += ["-F", str(config)] if config else []
        shared = tempfile.mkdtemp(prefix="gatehouse-ssh-")  # of mode 0700
        weakref.finalize(self, shutil.rmtree, shared, ignore_errors=True)
        if len(shared) <= _LONGEST_SOCKET:
            options += ["-o", "ControlMaster=auto", "-o", f"ControlPersist={_PERSIST}"]
            options += ["-o", f"ControlPath={shared}/%C"]
        self._command = [program, *options, "-b", "-", "--", f"{user}@{host}" if user else host]

    def names(self) -> list[str]:
        top = self._listed(self._run(f'ls -1 "{self._path}"'))
        found = [name for name in top if "." in name]
        folders = [name for name in top if "." not in name]
        # One session for all of them; what stands before a name says which folder it is of.
        output = self._run(*(f'-ls -1 "{self._path}/{one}"' for one in folders)) if folders else ""
        for line in output.splitlines():
            folder, _, name = line.strip().removeprefix(f"{self._path}/").partition("/")
            if folder in folders and _NAME.fullmatch(name):
                found.append(f"{folder}/{name}")
        return sorted(found)

    @contextmanager
    def writing(self, name: str) -> Iterator[Writable]:
        with tempfile.TemporaryDirectory(prefix="gatehouse-sealed-") as directory:
            local = Path(directory) / "sealed"
            try:
                with open(local, "wb") as file:
                    yield file
            except OSError as error:
                raise unavailable("the temporary directory of this machine", error) from error
            final, folder = f"{self._path}/{name}", f"{self._path}/{name}".rpartition("/")[0]
            made = [] if folder == self._path else [f'-mkdir "{folder}"', f'-chmod 700 "{folder}"']
            self._run(
                *made,
                f'put -f "{local}" "{final}{UNFINISHED}"',
                f'chmod 600 "{final}{UNFINISHED}"',
                f'-rm "{final}"',
                f'rename "{final}{UNFINISHED}" "{final}"',
            )

    @contextmanager
    def reading(self, name: str) -> Iterator[Readable]:
        with tempfile.TemporaryDirectory(prefix="gatehouse-sealed-") as directory:
            local = Path(directory) / "sealed"
            self._run(f'-get "{self._path}/{name}" "{local}"')
            if not local.exists():
                raise KeyError(name)
            with open(local, "rb") as file:
                yield file

    def delete(self, names: Iterable[str]) -> None:
        names = list(names)
        folders = sorted({name.partition("/")[0] for name in names if "/" in name})
        commands = [f'-rm "{self._path}/{name}"' for name in names]
        commands += [f'-rmdir "{self._path}/{folder}"' for folder in folders]
        if commands:
            self._run(*commands)

    def _listed(self, output: str) -> list[str]:
        lines = [line.strip() for line in output.splitlines() if not line.startswith("sftp>")]
        names = [line.rpartition("/")[2] for line in lines]
        return [name for name in names if _NAME.fullmatch(name)]  # what the other side says

    def _run(self, *commands: str) -> str:
        script = "".join(f"{command}\n" for command in commands)
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        # A file and no pipe: the shared connection keeps it open after the command has ended.
        with tempfile.TemporaryFile() as errors:
            try:
                done = subprocess.run(
                    self._command, input=script.encode(), stdout=subprocess.PIPE, stderr=errors,
                    check=False, timeout=_LONGEST, env={**environment, "LC_ALL": "C"},
                )  # fmt: skip
            except (OSError, subprocess.TimeoutExpired) as error:
                raise TargetUnavailable(
                    f"{self.place} does not answer ({type(error).__name__})"
                ) from error
            errors.seek(0)
            said = errors.read(_MOST_SAID).decode(errors="replace").strip().splitlines()
        if done.returncode:
            raise TargetUnavailable(
                f"{self.place} cannot be used: {_plain(said[-1]) if said else 'sftp failed'}",
                "try `sftp` by hand as this user; the host key has to be known",
                "is there room, and may this account write there?",
            )
        return done.stdout.decode(errors="replace")


_PASSED: Final = ("PATH", "HOME", "SSH_AUTH_SOCK", "USER")


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)[:200]

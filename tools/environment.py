"""Makes and keeps the virtual environments: `.venv` for the application and its tests,
`.venv-tools` for the developers' tools, `.venv-audit` for looking at what the application is made of.

Runs with nothing but the standard library of Python 3.11 or 3.12. Every downloaded file is checked
against the hash in a lock file, also those that build a package. An environment counts as finished
only when its stamp is there, so an interrupted installation is done again; one that is finished is
left alone without asking any server. Must never install something that a lock does not name.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ((3, 11), (3, 12))
NOT_READY = 6


class NotReady(Exception):
    """The environment cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment: its folder, the locks that it holds, the local packages on top."""

    folder: str
    locks: tuple[str, ...]
    local: tuple[str, ...] = ()
    built_from: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"


ENVIRONMENTS = {
    "application": Environment(
        ".venv",
        ("requirements.lock", "requirements-test.lock"),
        local=("lean", "."),
        built_from=(
            "pyproject.toml",
            "lean/pyproject.toml",
            "lean/setup.py",
            "lean/gatehouse_lean*",
        ),
    ),
    "tools": Environment(".venv-tools", ("tools/requirements.lock", "tools/forms.lock")),
    "audit": Environment(".venv-audit", ("tools/audit/requirements.lock",)),
}


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of `paths`, folders included with their Python files."""
    summary = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            summary.update(f"{file.relative_to(ROOT)}\0".encode())
            summary.update(hashlib.sha256(file.read_bytes()).digest())
    return summary.hexdigest()


def stamp_of(environment: Environment, step: str, patterns: Iterable[str]) -> tuple[Path, str]:
    """Where the stamp of `step` lies and what it has to hold."""
    files = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return environment.path / f".{step}-installed", digest(files)


def is_current(stamp: tuple[Path, str]) -> bool:
    path, wanted = stamp
    return path.is_file() and path.read_text(encoding="ascii").strip() == wanted


def write_stamp(stamp: tuple[Path, str]) -> None:
    path, wanted = stamp
    unfinished = path.with_suffix(".new")
    unfinished.write_text(wanted + "\n", encoding="ascii")
    unfinished.replace(path)


def runs(environment: Environment, exact_version: bool) -> bool:
    """Whether the environment's Python starts (and is the version running this, if `exact_version`)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run(
            [environment.python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    return not exact_version or found == "{}.{}".format(*sys.version_info[:2])


@contextmanager
def only_one() -> Iterator[None]:
    """Held by one process at a time; a second `make` waits for the first."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Installer:
    """Runs pip quietly; what it says goes to a log that is shown only when it fails."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._log = environment.path / "install.log"

    def create(self) -> None:
        """An empty environment in the place of what was there."""
        shutil.rmtree(self._environment.path, ignore_errors=True)
        self._environment.path.mkdir()
        self._run(
            [sys.executable, "-m", "venv", self._environment.path],
            "Python's venv module does not work here; on Debian and Ubuntu install python3-venv",
        )

    def locked(self, lock: str) -> None:
        """Everything that `lock` names; builds, where there is no wheel, use the locked setuptools."""
        path = ROOT / lock
        builder = locked_requirement(path.read_text(encoding="utf-8"), "setuptools")
        if builder:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as alone:
                alone.write(builder)
                alone.flush()
                self._pip("--require-hashes", "-r", alone.name)
        self._pip("--ignore-requires-python", "--require-hashes", "-r", path)

    def local(self, sources: tuple[str, ...]) -> None:
        """This repository's own packages: built from a copy, except `.`, which stays editable."""
        # setuptools would take the installed `packaging`, which Rasa holds at a version too old for
        # it, before the newer one that it brings along; on the path that one comes first.
        library = next(self._environment.path.glob("lib/python*/site-packages"))
        path = str(library / "setuptools" / "_vendor")
        with tempfile.TemporaryDirectory() as scratch:
            for source in sources:
                if source == ".":
                    self._pip("--no-index", "--editable", ROOT, path=path)
                    continue
                copy = Path(scratch, source)
                shutil.copytree(
                    ROOT / source, copy, ignore=shutil.ignore_patterns("build", "*.egg-info")
                )
                self._pip("--no-index", "--force-reinstall", copy, path=path)

    def _pip(self, *arguments: str | Path, path: str = "") -> None:
        self._run(
            [
                *(self._environment.python, "-m", "pip", "install", "--no-deps", "--no-input"),
                *("--disable-pip-version-check", "--use-pep517", "--no-build-isolation"),
                "--no-compile",
                *arguments,
            ],
            "is the package index reachable, and is there space left on the disk?",
            {"PYTHONPATH": path, "PIP_REQUIRE_VIRTUALENV": "1"},
        )

    def _run(
        self, command: list[str | Path], hint: str, variables: dict[str, str] | None = None
    ) -> None:
        with self._log.open("ab") as log:
            result = subprocess.run(
                command,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **(variables or {})},
                check=False,
            )
        if result.returncode:
            last = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            talk = "\n".join(f"  | {line}" for line in last)
            raise NotReady(f"installing failed; the last lines:\n{talk}\nhint: {hint}")


def locked_requirement(lock: str, name: str) -> str:
    """The lines of `name` in a lock file, empty if it is not there."""
    found = re.search(rf"^{re.escape(name)}==.*(?:\n[ \t]+--hash=.*)*", lock, re.MULTILINE)
    return found[0] + "\n" if found else ""


def count(environment: Environment) -> int:
    """How many packages the locks name."""
    texts = [(ROOT / lock).read_text(encoding="utf-8") for lock in environment.locks]
    return len({name for text in texts for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)})


def ensure(environment: Environment, exact_version: bool) -> None:
    """Make `environment` what the locks and the local packages say, doing as little as possible."""
    downloads = stamp_of(environment, "locks", environment.locks)
    local = stamp_of(environment, "local", environment.built_from)
    installer = Installer(environment)
    started = time.monotonic()
    if not is_current(downloads) or not runs(environment, exact_version):
        number = count(environment)
        talk(f"Installing {number} packages into {environment.folder} (a minute or two, once) …")
        installer.create()
        for lock in environment.locks:
            installer.locked(lock)
        write_stamp(downloads)
        talk(f"Installed in {time.monotonic() - started:.0f} s.")
    if environment.local and not is_current(local):
        local[0].unlink(missing_ok=True)
        installer.local(environment.local)
        write_stamp(local)


def talk(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--this-python", action="store_true", help="rebuild under another version")
    arguments = parser.parse_args()
    if sys.version_info[:2] not in SUPPORTED:
        talk("error: Python 3.11 or 3.12 is needed")
        return NOT_READY
    try:
        with only_one():
            ensure(ENVIRONMENTS[arguments.environment], arguments.this_python)
    except (NotReady, OSError) as error:
        talk(f"error: {error}")
        return NOT_READY
    except KeyboardInterrupt:
        talk("Stopped. The next start installs again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

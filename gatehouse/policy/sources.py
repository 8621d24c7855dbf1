"""Reads a policy directory as one unit.

The files are taken together or not at all: links that lead to the directory are followed once, the
files are read between two looks at that one place that must agree, and named by one hash. A file that looks like a policy but would not be read is a
mistake, because a rule that is silently left out may be a deny. This module must never follow a
link out of the directory nor block on a file that is not one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatehouse.policy.errors import Position, Problems

MAX_FILE = 4 << 20
MAX_TOTAL = 16 << 20
MAX_FILES = 500
TESTS = "tests"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.yml")
_LOOKS_LIKE_POLICY = re.compile(r"\.ya?ml$", re.IGNORECASE)
_READS = 5
# `os.path.isdir` says no where `Path.is_dir` raises: what may not be looked at is reported as a file.

Fingerprint = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The bytes of every file by its path below the directory; `label` names it in problems."""

    label: str
    files: Mapping[str, bytes]

    @property
    def revision(self) -> str:
        """SHA-256 over names, lengths and contents, in hexadecimal."""
        digest = hashlib.sha256(b"gatehouse policy 1\n")
        for name in sorted(self.files):
            data = self.files[name]
            digest.update(f"{len(name.encode())} {name} {len(data)}\n".encode())
            digest.update(data)
        return digest.hexdigest()

    def shown(self, name: str) -> str:
        """The name of a file as problems show it, such as `policies/pay.yml`."""
        return f"{self.label}/{name}"


def fingerprint(directory: Path) -> Fingerprint:
    """What changes when a file does: names, times, sizes. Cheap; never raises."""
    found: list[tuple[str, int, int, int, int]] = []
    for folder in (directory, directory / TESTS):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            found.append((str(folder), -1, 0, 0, 0))
            continue
        for name in names:
            path = folder / name
            try:
                about = path.stat()
            except OSError:
                found.append((str(path), -1, 0, 0, 0))
                continue
            if stat.S_ISREG(about.st_mode):
                times = about.st_mtime_ns, about.st_ctime_ns
                found.append((str(path), *times, about.st_size, about.st_ino))
            else:
                found.append((str(path), -2, 0, 0, 0))
    return tuple(found)


def read_directory(directory: Path, problems: Problems) -> Sources:
    """Every policy file of `directory`; what cannot be read goes to `problems`."""
    label = directory.name or str(directory)
    for _ in range(_READS):
        # A link to the directory may be turned back and forth between the two looks, which then
        # agree although the files came from both sides.
        place = Path(os.path.realpath(directory))
        before = fingerprint(place)
        found = Problems()
        sources = Sources(label, _read_all(place, label, found))
        if fingerprint(place) == before:
            problems.extend(found.errors())
            return sources
    problems.add(Position(label), "", "the directory changes while it is read", "save again")
    return Sources(label, {})


def _read_all(directory: Path, name: str, problems: Problems) -> dict[str, bytes]:
    label = Position(name)
    if not os.path.isdir(directory):
        problems.add(label, "", "the policy directory does not exist", "look at [policy] directory")
        return {}
    files: dict[str, bytes] = {}
    total = 0
    for file, path in _policy_files(directory, name, problems):
        where = Position(f"{name}/{file}")
        if len(files) >= MAX_FILES:
            problems.add(where, "", f"more than {MAX_FILES} files")
            break
        data = _read_file(directory, path, where, problems)
        if data is None:
            continue
        total += len(data)
        if total > MAX_TOTAL:
            problems.add(where, "", f"the files have more than {MAX_TOTAL >> 20} MB together")
            break
        files[file] = data
    if not files and not problems.errors():
        problems.add(label, "", "the policy directory has no .yml file")
    return files


def _policy_files(directory: Path, label: str, problems: Problems) -> Iterator[tuple[str, Path]]:
    for entry in _entries(directory, label, problems):
        if entry.name == TESTS and not os.path.isdir(entry):
            where = Position(f"{label}/{TESTS}")
            hint = "put the directory of the policy tests back"
            problems.add(where, "", "this is not a directory, so no policy test is read", hint)
        elif entry.name == TESTS:
            for test in _entries(entry, f"{label}/{TESTS}", problems):
                if _wanted(test, f"{label}/{TESTS}/{test.name}", problems):
                    yield f"{TESTS}/{test.name}", test
        elif _wanted(entry, f"{label}/{entry.name}", problems):
            yield entry.name, entry


def _entries(folder: Path, label: str, problems: Problems) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        problems.add(Position(label), "", f"cannot be listed: {error.strerror}")
        return []


def _wanted(path: Path, label: str, problems: Problems) -> bool:
    """Whether `path` is a policy file; what only looks like one is a problem."""
    label = label.encode("utf-8", "backslashreplace").decode()
    if os.path.isdir(path):
        if any(_LOOKS_LIKE_POLICY.search(item.name) for item in path.rglob("*")):
            hint = "move the files up, or give them another ending to switch them off"
            problems.add(Position(label), "", "policies in this directory are not read", hint)
        return False
    if _NAME.fullmatch(path.name):
        return True
    if _LOOKS_LIKE_POLICY.search(path.name):
        hint = "use letters, digits, _ and -, and the ending .yml"
        problems.add(Position(label), "", "a file of this name is not read", hint)
    return False


def _read_file(directory: Path, path: Path, where: Position, problems: Problems) -> bytes | None:
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(directory.resolve(strict=True)):
            problems.add(where, "", "a link out of the policy directory", "copy the file")
            return None
        # Without O_NONBLOCK the opening of a named pipe waits for ever.
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a link that leads to itself"
        problems.add(where, "", f"cannot be read: {reason}")
        return None
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            problems.add(where, "", "not a regular file")
            return None
        try:
            data = stream.read(MAX_FILE + 1)
        except OSError as error:
            problems.add(where, "", f"cannot be read: {error.strerror}")
            return None
    if len(data) > MAX_FILE:
        problems.add(where, "", f"larger than {MAX_FILE >> 20} MB", "split the file")
        return None
    return data

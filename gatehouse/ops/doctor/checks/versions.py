"""Python and the libraries: whether what is installed is what was locked and tested."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gatehouse.ops.doctor.finding import Finding, advice, bad, good, unknown
from gatehouse.ops.doctor.subject import Subject

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)([^\\]*)", re.MULTILINE)
_SUPPORTED = ((3, 11), (3, 12))


def look(subject: Subject) -> Iterator[Finding]:
    found = sys.version_info[:2]
    if found in _SUPPORTED:
        yield good("versions.python", f"Python {platform.python_version()}")
    else:
        what = f"Python {platform.python_version()} is not one that Gatehouse is tested with"
        yield bad("versions.python", what, "install Python 3.11 or 3.12, then `make environment`")
    lock = _lock(subject)
    if lock is None:
        yield unknown("versions.no_lock", "requirements.lock is not there to compare with")
        return
    others = list(_others(lock.read_text(encoding="utf-8")))
    if others:
        named = ", ".join(others[:5]) + (" …" if len(others) > 5 else "")
        what = f"{len(others)} libraries are not as locked: {named}"
        yield advice("versions.libraries", what, "make environment")
    else:
        yield good("versions.libraries", "the libraries are those of requirements.lock")


def _lock(subject: Subject) -> Path | None:
    checkout = Path(__file__).resolve().parents[4]
    places = (directory / "requirements.lock" for directory in (subject.home, checkout))
    return next((path for path in places if path.is_file()), None)


def _others(lock: str) -> Iterator[str]:
    for name, wanted, marker in _PINNED.findall(lock):
        if marker.strip().startswith(";"):
            continue  # for other machines or versions than this one, perhaps
        try:
            installed = version(name)
        except PackageNotFoundError:
            yield f"{name} is missing"
            continue
        if installed != wanted:
            yield f"{name} {installed} instead of {wanted}"

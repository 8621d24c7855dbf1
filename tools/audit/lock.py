"""The production set as its lock names it: every package with version, condition and hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "requirements.lock"

_ENTRY = re.compile(
    r"^([\w.-]+)==(\S+?)(?: ; ([^\\\n]+?))? \\\n((?:    --hash=sha256:\S+(?: \\)?\n?)+)",
    re.MULTILINE,
)


class NotUnderstood(Exception):
    """The lock has a line that is no entry: a bill made of the others would be incomplete."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One package; `condition` is the marker under which it is installed, "" for always."""

    name: str
    version: str
    condition: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package URL, as other tools name it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(path: Path = PRODUCTION) -> tuple[Locked, ...]:
    """The entries of a lock, in its order; raises `NotUnderstood`."""
    text = path.read_text(encoding="utf-8")
    found = tuple(
        Locked(name, version, condition or "", tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for name, version, condition, hashes in _ENTRY.findall(text)
    )
    if len(found) != len(re.findall(r"^\S", text, re.MULTILINE)) or not found:
        raise NotUnderstood(f"{path.name} has lines that are not understood")
    return found


def normal(name: str) -> str:
    """A package's name as the index and the lock write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

"""Room on every volume that is written to: a full disk refuses every turn, because none can be recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gatehouse.ops.doctor.finding import Finding, advice, bad, good
from gatehouse.ops.doctor.subject import Subject, sqlite_path

_LITTLE = 256 << 20  # bytes
_LOW = 2 << 30
_INODES = 10_000


def look(subject: Subject) -> Iterator[Finding]:
    volumes: dict[int, str] = {}
    for name, path in _places(subject):
        there = next((one for one in (path, *path.parents) if one.exists()), None)
        if there is not None:
            volumes.setdefault(there.stat().st_dev, f"{name}\n{there}")
    for named in volumes.values():
        what, _, place = named.partition("\n")
        yield _room(what, place)


def _room(name: str, path: str) -> Finding:
    found = os.statvfs(path)
    room = found.f_bavail * found.f_frsize
    mend = f"df -h {path}"
    what = f"the volume of {name} has {room / (1 << 30):.1f} GB left"
    if room < _LITTLE or (found.f_files and found.f_favail < _INODES // 10):
        return bad("disk.full", what, mend)
    if room < _LOW or (found.f_files and found.f_favail < _INODES):
        return advice("disk.low", what, mend)
    return good("disk.room", what)


def _places(subject: Subject) -> Iterator[tuple[str, Path]]:
    settings = subject.settings
    for name, url in subject.databases().items():
        if path := sqlite_path(url):
            yield name, path
    yield "keys.directory", settings.path(settings.keys.directory)
    if settings.keys.mirror:
        yield "keys.mirror", settings.path(settings.keys.mirror)
    if settings.audit.witness_file:
        yield "audit.witness_file", settings.path(settings.audit.witness_file)
    target = getattr(getattr(settings, "backup", None), "target", "")
    if target and "://" not in target:
        yield "backup.target", settings.path(target)
    yield "var", settings.path("var")

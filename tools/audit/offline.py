"""Known vulnerabilities of the production set, read from a copy of a public collection: for machines without a way out.

Takes the collection of OSV for PyPI (a zip of JSON records) or a checkout of the PyPA's advisory database (YAML), both in the
OSV schema 1.x. A copy that is old is read, and is no check: what became known since is not in it. A record that cannot be
understood, or a copy without records, is no check either.
"""

from __future__ import annotations

import datetime
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tools.audit.lock import Locked, normal

FRESH = 14  # days
MOST = 2_000_000  # records
LARGEST = 8 << 20  # bytes of a record
_NAME = re.compile(rb"""["']?name["']?\s*:\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)""")
_MODIFIED = re.compile(rb"""(?m)^\s*["']?modified["']?\s*:\s*["']?(\d{4}-\d\d-\d\d)T""")
_MODIFIED_INLINE = re.compile(rb'"modified"\s*:\s*"(\d{4}-\d\d-\d\d)T')

Found = tuple[Locked, Mapping[str, Any]]


class NotReadable(Exception):
    """The copy is not there, has no records, or one that is not understood; the message says which."""


def read(copy: Path, packages: Sequence[Locked]) -> tuple[list[Found], datetime.date]:
    """Package and record of everything in `copy` that affects a locked version, and the day of its newest record."""
    ours: dict[str, list[Locked]] = {}
    for one in packages:
        ours.setdefault(normal(one.name), []).append(one)
    found: list[Found] = []
    newest, count = datetime.date.min, 0
    for name, raw in _records(copy):
        count += 1
        if not (days := _MODIFIED_INLINE.findall(raw) or _MODIFIED.findall(raw)):
            raise NotReadable(f"{name} is no record of the OSV schema")
        newest = max(newest, *map(_day, days))
        if ours.keys() & {normal(one.decode()) for one in _NAME.findall(raw)}:
            found += _affected(name, _parsed(name, raw), ours)
    if not count:
        raise NotReadable(f"there are no records in {copy.name}")
    return found, newest


def fixed_in(record: Mapping[str, Any], package: Locked) -> list[str]:
    """The versions of `package` that mend it, as the record names them."""
    return [
        str(event["fixed"])
        for part in record["affected"]
        if _is(part, normal(package.name))
        for events in _ranges(part)
        for event in events
        if "fixed" in event
    ]


def _records(copy: Path) -> Iterator[tuple[str, bytes]]:
    """Name and text of each record; raises `NotReadable`."""
    try:
        if copy.is_dir():
            files = (path for path in copy.rglob("*") if path.suffix in (".json", ".yaml"))
            for path in files:
                if ".git" not in path.parts and path.stat().st_size <= LARGEST:
                    yield path.name, path.read_bytes()
            return
        with zipfile.ZipFile(copy) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".json")]
            if len(members) > MOST or any(one.file_size > LARGEST for one in members):
                raise NotReadable(f"{copy.name} is larger than a collection for PyPI is")
            for member in members:
                yield member.filename, archive.read(member)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise NotReadable(f"{copy.name} cannot be read ({type(error).__name__})") from error


def _parsed(name: str, raw: bytes) -> Mapping[str, Any]:
    try:
        text = raw.decode()
        record = json.loads(text) if name.endswith(".json") else YAML(typ="safe").load(text)
        if isinstance(record, dict) and isinstance(record["id"], str):
            return record
    except (ValueError, KeyError, YAMLError):
        pass
    raise NotReadable(f"{name} is no record of the OSV schema")


def _affected(
    name: str, record: Mapping[str, Any], ours: Mapping[str, Sequence[Locked]]
) -> list[Found]:
    if record.get("withdrawn"):
        return []
    try:
        return [
            (package, record)
            for each, packages in ours.items()
            for package in packages
            if any(
                _is(part, each) and _concerns(part, package.version) for part in record["affected"]
            )
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotReadable(f"{name} is no record of the OSV schema") from error


def _is(part: Mapping[str, Any], name: str) -> bool:
    package = part.get("package") or {}
    return package.get("ecosystem") == "PyPI" and normal(str(package.get("name", ""))) == name


def _concerns(part: Mapping[str, Any], version: str) -> bool:
    """Whether `version` is listed or within a range (OSV schema, "Evaluation"); in doubt it is."""
    if version in map(str, part.get("versions") or ()):
        return True
    try:
        return any(_within(events, Version(version)) for events in _ranges(part))
    except InvalidVersion:
        return True


def _ranges(part: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, str]]]:
    for one in part.get("ranges") or ():
        if one["type"] in ("ECOSYSTEM", "SEMVER"):
            yield one["events"]


def _within(events: Sequence[Mapping[str, str]], version: Version) -> bool:
    inside = False
    steps = [(kind, str(at)) for event in events for kind, at in event.items()]
    for kind, at in sorted(steps, key=lambda step: (step[1] != "0", Version(step[1]))):
        if kind == "introduced" and (at == "0" or version >= Version(at)):
            inside = True
        elif (kind == "fixed" and version >= Version(at)) or (
            kind == "last_affected" and version > Version(at)
        ):
            inside = False
    return inside


def _day(text: bytes) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text.decode())
    except ValueError as error:
        raise NotReadable("a record has a day that does not exist") from error

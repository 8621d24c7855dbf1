"""The second place that the settings name; its adapter is imported only then."""

from __future__ import annotations

import re
from typing import Final

from gatehouse.backup.targets.base import Target
from gatehouse.backup.targets.directory import DirectoryTarget
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.settings import Settings

_SFTP: Final = re.compile(r"sftp://(?:([A-Za-z0-9_.-]+)@)?([A-Za-z0-9.-]+)(/[^\s]*)")
_S3: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?")
_FORMS: Final = "a directory, sftp://user@host/path or s3://bucket/prefix"


def open_target(settings: Settings, given: str = "") -> Target:
    """The place `given`, or that of `backup.target`.

    Raises `NotReady` when there is none, `InvalidInput` when it cannot be read.
    """
    named = given or settings.backup.target
    if not named:
        raise NotReady(
            "there is no place for backups", f"set backup.target to {_FORMS}, not on this volume"
        )
    if "://" not in named:
        path = settings.path(named)
        for kept in (settings.path(settings.keys.directory), settings.home / "policies"):
            if path == kept or kept in path.parents:
                raise InvalidInput("backup.target: backups must not lie beside keys or policies")
        return DirectoryTarget(path)
    if match := _S3.fullmatch(named):
        from gatehouse.backup.targets.s3 import S3Target

        return S3Target(
            match[1], match[2] or "", settings.backup.s3_region, settings.backup.s3_endpoint
        )
    if match := _SFTP.fullmatch(named):
        from gatehouse.backup.targets.sftp import SftpTarget

        config = settings.backup.sftp_config
        return SftpTarget(
            match[1] or "", match[2], match[3], settings.path(config) if config else None
        )
    raise InvalidInput(f"backup.target: {named!r} cannot be read", f"write {_FORMS}")

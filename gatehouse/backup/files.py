"""The files of a backup: the policies, and the settings without their secrets.

Written as a tar stream, so that nothing is gathered in memory. A secret must never get in: only
`policies/` and `gatehouse.toml` are taken, and of a URL in it never the password.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from gatehouse.backup.errors import BackupDamaged
from gatehouse.backup.sealing import Writable
from gatehouse.errors import Unavailable
from gatehouse.settings import Settings

SETTINGS: Final = "gatehouse.toml"
POLICIES: Final = "policies"
FROM_BACKUP: Final = ".from-backup"
_PASSWORD: Final = re.compile(r"(://[^\s:/@\"']*:)[^\s\"']*(@)")
_LARGEST: Final = 16 << 20  # bytes of one file; policies are far smaller


def write(settings: Settings, out: Writable) -> None:
    """The files as a tar stream. Raises `Unavailable` when one cannot be read."""
    stream = cast(io.BufferedIOBase, out)
    try:
        with tarfile.open(mode="w|", fileobj=stream, format=tarfile.PAX_FORMAT) as archive:
            for name, content in _files(settings):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o600
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise Unavailable(f"the policies cannot be read: {error.strerror}") from error


def extract(archive: Path, target: Path) -> None:
    """Unpack below `target`, plain files of `policies/` and the settings only.

    Raises `BackupDamaged` for anything else.
    """
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                parts = Path(entry.name).parts
                known = entry.name == SETTINGS or parts[:1] == (POLICIES,)
                if not entry.isreg() or not known or ".." in parts or entry.size > _LARGEST:
                    raise BackupDamaged("the files of this backup hold something unexpected")
                content = tar.extractfile(entry)
                assert content is not None
                path = target / entry.name
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.write_bytes(content.read())
                path.chmod(0o600)
    except tarfile.TarError as error:
        raise BackupDamaged("the files of this backup cannot be unpacked") from error


def put_back(settings: Settings, unpacked: Path) -> tuple[str, ...]:
    """Put policies where there are none, and the settings of then beside those of now; the paths of
    what was written."""
    done = []
    policies, then = settings.path(settings.policy.directory), unpacked / POLICIES
    if then.is_dir() and not _has_files(policies):
        policies.mkdir(parents=True, exist_ok=True)
        for path in sorted(then.rglob("*")):
            if path.is_file():
                new = policies / path.relative_to(then)
                new.parent.mkdir(parents=True, exist_ok=True)
                new.write_bytes(path.read_bytes())
        done.append(str(policies))
    before, now = unpacked / SETTINGS, settings.home / SETTINGS
    if before.is_file() and not (
        now.is_file() and without_passwords(now.read_text("utf-8")) == before.read_text("utf-8")
    ):
        beside = now.with_name(now.name + FROM_BACKUP)
        beside.write_bytes(before.read_bytes())
        beside.chmod(0o600)
        done.append(str(beside))
    return tuple(done)


def _has_files(directory: Path) -> bool:
    return directory.is_dir() and any(path.is_file() for path in directory.rglob("*"))


def without_passwords(text: str) -> str:
    """`text` with the password of every URL in it left out."""
    return _PASSWORD.sub(r"\1…\2", text)


def _files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    own = settings.home / SETTINGS
    if own.is_file():
        yield SETTINGS, without_passwords(own.read_text(encoding="utf-8")).encode()
    directory = settings.path(settings.policy.directory)
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{POLICIES}/{path.relative_to(directory).as_posix()}", path.read_bytes()

"""A directory, on another volume or a mounted share.

Files have mode 0600 and a temporary name until they are whole and flushed. The directory itself is
never made here: what is not there may be a volume that is not mounted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gatehouse.backup.errors import BackupDamaged, TargetUnavailable
from gatehouse.backup.full import FULL
from gatehouse.backup.sealing import Readable, Writable

UNFINISHED: Final = ".unfinished"
_NO_FILE: Final = "{} at the place of the backups is no ordinary file"


class DirectoryTarget:
    """The directory `path`, which has to exist."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        return str(self._path)

    @property
    def volume(self) -> int | None:
        try:
            return self._path.stat().st_dev
        except OSError:
            return None

    def names(self) -> list[str]:
        try:
            if not self._path.is_dir():
                raise FileNotFoundError(errno.ENOENT, "not there")
            found = [
                path.relative_to(self._path).as_posix()
                for path in self._path.rglob("*")
                if path.is_file()
            ]
        except OSError as error:
            raise unavailable(self.place, error) from error
        return sorted(found)

    @contextmanager
    def writing(self, name: str) -> Iterator[Writable]:
        final = self._path / name
        unfinished = final.with_name(final.name + UNFINISHED)
        try:
            if not self._path.is_dir():
                raise FileNotFoundError(errno.ENOENT, "not there")
            final.parent.mkdir(mode=0o700, exist_ok=True)
            with open(unfinished, "wb", opener=_private) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, final)
            for directory in (final.parent, self._path):
                _sync(directory)
        except OSError as error:
            _remove(unfinished)
            raise unavailable(self.place, error) from error
        except BaseException:
            _remove(unfinished)
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[Readable]:
        try:
            file = open(self._path / name, "rb", opener=_plain)  # noqa: SIM115 - closed below; what the block raises is its own
        except FileNotFoundError as error:
            if not self._path.is_dir():
                raise unavailable(self.place, error) from error
            raise KeyError(name) from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise BackupDamaged(_NO_FILE.format(name)) from error
            raise unavailable(self.place, error) from error
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BackupDamaged(_NO_FILE.format(name))
            yield file

    def delete(self, names: Iterable[str]) -> None:
        try:
            place = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                for name in names:
                    _unlink(place, name)
                os.fsync(place)
            finally:
                os.close(place)
        except OSError as error:
            raise unavailable(self.place, error) from error


def _unlink(place: int, name: str) -> None:
    """Remove `name` below the open directory `place`, and its own directory once that is empty.

    Step by step and through no link: whoever can write there could else swap a directory for a link
    after it was listed, and have a file of this machine removed. Raises `BackupDamaged` for such a one.
    """
    *folders, file = name.split("/")
    where = os.dup(place)
    try:
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            below = os.open(folder, flags, dir_fd=where)
            os.close(where)
            where = below
        os.unlink(file, dir_fd=where)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            raise BackupDamaged(_NO_FILE.format(name)) from error
        raise
    finally:
        os.close(where)
    if len(folders) == 1:
        with contextlib.suppress(OSError):  # not empty yet
            os.rmdir(folders[0], dir_fd=place)


def unavailable(place: str, error: OSError) -> TargetUnavailable:
    """What an error of the operating system means for a second place."""
    if error.errno in FULL:
        return TargetUnavailable(
            f"the place of the backups is full: {place}",
            "make room, or `gatehouse backup prune`; nothing half-written counts as a backup",
        )
    return TargetUnavailable(
        f"the place of the backups cannot be used: {place}: {error.strerror or type(error).__name__}",
        "is its volume mounted, and may this user write there?",
    )


def _private(path: str, _flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


def _plain(path: str, _flags: int) -> int:
    # Not waiting: whoever can write there may have put a pipe in place of a file.
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

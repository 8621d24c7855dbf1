"""Modes and owners of what only the server may read, and of what only its people may write.

Everything below `var/` belongs to one user and to nobody else; settings and policies may be read by
many and written by few (ASVS 5.0 V13.3).
"""

from __future__ import annotations

import shlex
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gatehouse.ops.doctor.finding import Finding, bad, good
from gatehouse.ops.doctor.secret_files import secret_files
from gatehouse.ops.doctor.subject import Subject, sqlite_path

_OTHERS = 0o077
_WRITE = 0o022
_MOST = 20_000  # files that are looked at


def look(subject: Subject) -> Iterator[Finding]:
    private = dict.fromkeys(_private(subject))
    wrong = [path for path in private if _mode(path) & _OTHERS]
    for path in wrong:
        mode = "700" if path.is_dir() else "600"
        what = f"other users can reach {subject.shown(path)} (mode {_mode(path):o})"
        yield bad("files.open", what, f"chmod {mode} {_quoted(subject, path)}")
    writable = [path for path in _shared(subject) if _mode(path) & _WRITE]
    for path in writable:
        what = f"others than its owner can write {subject.shown(path)}"
        yield bad("files.writable", what, f"chmod go-w {_quoted(subject, path)}")
    if not wrong and not writable:
        yield good("files.modes", f"nobody else can reach keys and data ({len(private)} files)")
    yield from _owners(subject, list(private))


def _owners(subject: Subject, paths: list[Path]) -> Iterator[Finding]:
    """One user owns it all; what another one owns was made by a command of the wrong user."""
    owners = Counter(path.stat().st_uid for path in paths)
    if len(owners) < 2:
        return
    usual = owners.most_common(1)[0][0]
    for path in paths:
        if path.stat().st_uid != usual:
            what = f"{subject.shown(path)} belongs to another user than the rest"
            mend = f"chown {usual} {_quoted(subject, path)}"
            yield bad("files.owner", what, mend)


def _private(subject: Subject) -> Iterator[Path]:
    settings = subject.settings
    for directory in (settings.keys.directory, settings.tls.directory, "var/policy", "var/backup"):
        place = settings.path(directory)
        if not place.is_dir():
            continue
        yield place
        for number, path in enumerate(sorted(place.rglob("*"))):
            if number == _MOST:
                break
            if path.name != "authority.pem" and not path.is_symlink():
                yield path
    for url in subject.databases().values():
        file = sqlite_path(url)
        for suffix in ("", "-wal", "-shm"):
            if file is not None and (found := file.with_name(file.name + suffix)).exists():
                yield found
    yield from (path for path in secret_files(subject).values() if path.exists())


def _shared(subject: Subject) -> Iterator[Path]:
    settings = subject.settings
    names = ["gatehouse.toml", "domain.yml", "config.yml", "credentials.yml", "endpoints.yml"]
    policies = settings.path(settings.policy.directory)
    places = [subject.home, *(subject.home / name for name in names), policies]
    if policies.is_dir():
        places += sorted(policies.rglob("*.yml"))
    for path in places:
        if path.exists():
            yield path


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _quoted(subject: Subject, path: Path) -> str:
    return shlex.quote(subject.shown(path))

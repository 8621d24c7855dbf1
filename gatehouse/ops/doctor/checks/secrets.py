"""Secrets where they should not be: in settings files, in the environment, in a repository, lying about.

No secret is shown, and none is looked for by its content but private keys in PEM (ASVS 5.0 V13.3.1).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.secret_files import secret_files
from gatehouse.ops.doctor.subject import Subject

_URLS = ("database", "audit", "records", "keys")
_IN_ENVIRONMENT = (
    "GATEHOUSE_KEYS_PKCS11_PIN",
    "GATEHOUSE_KEYS_VAULT_TOKEN",
    "GATEHOUSE_DATABASE_URL",
    "GATEHOUSE_AUDIT_URL",
    "GATEHOUSE_RECORDS_URL",
    "GATEHOUSE_KEYS_URL",
    "GATEHOUSE_LIMITS_STORE",
    "AWS_SECRET_ACCESS_KEY",
)
_INSTEAD = {
    "GATEHOUSE_KEYS_PKCS11_PIN": ("keys.pkcs11_pin_file", '"secrets/pin"'),
    "GATEHOUSE_KEYS_VAULT_TOKEN": ("keys.vault_token_file", '"secrets/vault-token"'),
    "GATEHOUSE_LIMITS_STORE": ("limits.store_file", '"secrets/limits-store"'),
}
_SKIPPED = {"var", "node_modules", "__pycache__", "build", "dist", "models"}
_MOST_FILES = 5000
_MOST_BYTES = 65536


def look(subject: Subject) -> Iterator[Finding]:
    found = [
        *_in_settings(subject),
        *_in_environment(subject),
        *_tracked(subject),
        *_lying_about(subject),
    ]
    yield from found
    if not found:
        yield good("secrets.places", "no secret lies where it should not")


def _in_settings(subject: Subject) -> Iterator[Finding]:
    """A password in a URL of gatehouse.toml; files are copied, shown and committed."""
    settings = subject.settings
    for section in _URLS:
        values = getattr(settings, section)
        in_file = f"GATEHOUSE_{section.upper()}_URL" not in subject.environment
        if in_file and not values.url_file and _has_password(values.url):
            mend = setting(f"{section}.url_file", f'"secrets/{section}-url"')
            yield bad(
                "secrets.in_settings", f"gatehouse.toml holds the password of {section}.url", mend
            )
    store = settings.limits
    in_file = "GATEHOUSE_LIMITS_STORE" not in subject.environment
    if in_file and not store.store_file and _has_password(store.store):
        mend = setting("limits.store_file", '"secrets/limits-store"')
        yield bad("secrets.in_settings", "gatehouse.toml holds the password of limits.store", mend)


def _in_environment(subject: Subject) -> Iterator[Finding]:
    """Every child of a process inherits its environment, and `/proc` shows it to its user."""
    names = {name for environment in _environments(subject) for name in _secret_names(environment)}
    for name in sorted(names):
        what = f"the environment holds a secret: {name}"
        if name == "AWS_SECRET_ACCESS_KEY":
            mend = "aws configure sso   # or a role of the machine instead of a lasting key"
        else:
            section = name.split("_")[1].lower()
            key, value = _INSTEAD.get(name, (f"{section}.url_file", f'"secrets/{section}-url"'))
            mend = setting(key, value)
        yield advice("secrets.in_environment", what, mend)


def _secret_names(environment: Mapping[str, str]) -> Iterator[str]:
    for name in _IN_ENVIRONMENT:
        value = environment.get(name, "")
        holds_url = name.endswith(("_URL", "_STORE"))
        if value and (_has_password(value) if holds_url else True):
            yield name


def _environments(subject: Subject) -> Iterator[Mapping[str, str]]:
    """That of this command, and of the servers of this deployment as far as it may be read."""
    yield subject.environment
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"run" not in words or not any(b"gatehouse" in word for word in words):
                continue
            pairs = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            home = environment.get("GATEHOUSE_HOME") or os.readlink(process / "cwd")
        except OSError:
            continue
        if Path(home).resolve() == subject.home:
            yield environment


def _tracked(subject: Subject) -> Iterator[Finding]:
    git = shutil.which("git")
    if git is None:
        return
    secret = [path for path in secret_files(subject).values() if path.is_relative_to(subject.home)]
    places = [subject.shown(path) for path in secret] + ["var"]
    answer = subprocess.run(
        [git, "-C", str(subject.home), "ls-files", "-z", "--", *places],
        capture_output=True,
        timeout=4,
        check=False,
    )
    if answer.returncode:
        return  # no repository
    for name in filter(None, answer.stdout.decode(errors="replace").split("\0")):
        mend = f"git rm --cached {shlex.quote(name)}"
        yield bad("secrets.tracked", f"git keeps {name}: replace the secret as well", mend)


def _lying_about(subject: Subject) -> Iterator[Finding]:
    """Private keys outside of the places that the settings name."""
    known = {path.resolve() for path in secret_files(subject).values()}
    for path in _small_files(subject.home):
        if path.resolve() in known:
            continue
        is_root = path.name.startswith("root-") and path.suffix == ".key"
        if is_root or _is_private_key(path):
            what = f"a private key lies in the project: {subject.shown(path)}"
            yield bad("secrets.stray", what, f"shred -u {shlex.quote(subject.shown(path))}")


def _small_files(home: Path) -> Iterator[Path]:
    number = 0
    for directory, names, files in os.walk(home):
        names[:] = [n for n in names if n not in _SKIPPED and not n.startswith(".")]
        for name in files:
            number += 1
            if number > _MOST_FILES:
                return
            yield Path(directory, name)


def _is_private_key(path: Path) -> bool:
    if path.suffix not in ("", ".pem", ".key", ".p8", ".txt", ".crt", ".bak"):
        return False
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return b"-----BEGIN" in content and b"PRIVATE KEY-----" in content


def _has_password(url: str) -> bool:
    try:
        return bool(url) and bool(make_url(url).password)
    except ArgumentError:
        return False

"""The lock files: complete, hashed, without addresses, and what is installed here."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCTION = ROOT / "requirements.lock"
TEST = ROOT / "requirements-test.lock"
TOOLS = ROOT / "tools" / "requirements.lock"
FORMS = ROOT / "tools" / "forms.lock"
AUDIT = ROOT / "tools" / "audit" / "requirements.lock"

# The oldest versions that were shown to work with Rasa 3.6.21, or that close known advisories.
AT_LEAST = {
    "aiohttp": (3, 14, 5),
    "cryptography": (50, 0, 2),
    "numpy": (1, 26, 4),
    "packaging": (21, 3),
    "psycopg2-binary": (2, 9, 13),
    "pyotp": (2, 12, 0),
    "ruamel-yaml": (0, 17, 40),
    "sanic": (25, 12, 1),
    "sanic-cors": (2, 2, 0),
    "scikit-learn": (1, 7, 2),
    "scipy": (1, 17, 1),
    "sentry-sdk": (1, 45, 1),
    "setuptools": (80, 10, 2),
    "skops": (0, 16, 0),
    "sqlalchemy": (1, 4, 54),
    "structlog": (26, 1, 0),
    "websockets": (17, 4),
}
# Imported by nothing that runs here; each brings advisories or megabytes.
LEFT_OUT = {
    *("aiogram", "boto3", "botocore", "fbmessenger", "google-auth", "keras", "networkx"),
    *("protobuf", "pydantic", "pymongo", "python-socketio", "slack-sdk", "tensorflow", "twilio"),
    *("webexteamssdk", "wheel"),
}


def entries(lock: Path) -> dict[str, tuple[str, str, list[str]]]:
    """Name → version, environment marker, hashes."""
    found = {}
    pattern = r"^([\w.-]+)==(\S+?)(?: ; ([^\\\n]+?))? \\\n((?:    --hash=\S+(?: \\)?\n)+)"
    text = lock.read_text(encoding="utf-8")
    for name, pinned, marker, hashes in re.findall(pattern, text, re.MULTILINE):
        found[name] = (pinned, marker, re.findall(r"--hash=(\S+)", hashes))
    assert len(found) == len(re.findall(r"^\S", text, re.MULTILINE)), "a line is not understood"
    return found


def is_windows_or_older(marker: str) -> bool:
    return marker in ("sys_platform == 'win32'", "python_full_version < '3.11.3'")


@pytest.mark.parametrize(
    "lock", [PRODUCTION, TEST, TOOLS, FORMS, AUDIT], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_package_is_pinned_and_hashed_without_an_address(lock: Path) -> None:
    """Each entry has SHA-256 hashes, and the file names no server."""
    for name, (_, _, hashes) in entries(lock).items():
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", item) for item in hashes), name
    assert "://" not in lock.read_text(encoding="utf-8")


def test_the_two_locks_of_one_environment_agree() -> None:
    """A package in both has the same version and hashes."""
    production, test = entries(PRODUCTION), entries(TEST)
    for name in production.keys() & test.keys():
        assert (production[name][0], production[name][2]) == (test[name][0], test[name][2])


@pytest.mark.parametrize("name", sorted(AT_LEAST))
def test_a_locked_version_is_at_least_the_proven_one(name: str) -> None:
    """No update of the lock goes back behind what was shown to work."""
    locked = tuple(int(part) for part in re.findall(r"\d+", entries(PRODUCTION)[name][0]))
    assert locked >= AT_LEAST[name]


def test_rasa_is_exact() -> None:
    """The versions that lean/ was written for."""
    locked = entries(PRODUCTION)
    assert ("3.6.21", "3.6.2") == (locked["rasa"][0], locked["rasa-sdk"][0])


def test_what_is_not_imported_is_not_installed() -> None:
    """The production set holds none of the packages that lean/ stands in for, and few in all."""
    locked = entries(PRODUCTION)
    assert set() == LEFT_OUT & locked.keys()
    assert len([name for name in locked if not is_windows_or_older(locked[name][1])]) <= 121


@pytest.mark.parametrize("lock", [PRODUCTION, TEST], ids=lambda path: path.name)
def test_what_is_locked_is_what_is_installed(lock: Path) -> None:
    """The environment that runs these tests is the one that the lock describes."""
    differences = []
    for name, (pinned, marker, _) in entries(lock).items():
        if is_windows_or_older(marker):
            continue
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "absent"
        if found != pinned:
            differences.append(f"{name}: locked {pinned}, installed {found}")
    assert [] == differences

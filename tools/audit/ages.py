"""How old each package is: when the locked version was uploaded, and the newest of the same package.

Asks the index that pip uses here, one package after the other, in the form that pip itself reads (PEP 691, PEP 700).
What the index does not say is unknown, and unknown is no age.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.audit.lock import Locked

OLD = 3 * 365  # days without any release
TIMEOUT = 15.0
MOST_BYTES = 32 << 20
_FORM = "application/vnd.pypi.simple.v1+json"
_ASK_PIP = (
    "from pip._internal.configuration import Configuration as C;"
    "from pip._internal.models.index import PyPI;"
    "c = C(isolated=False); c.load(); v = dict(c.items());"
    "print(next((str(v[k]) for k in (':env:.index-url', 'install.index-url', 'global.index-url')"
    " if k in v), PyPI.simple_url))"
)


@dataclass(frozen=True, slots=True)
class Age:
    """Of one package; days as ISO dates, "" where the index does not say."""

    package: str
    version: str
    uploaded: str
    newest: str
    """The day of the latest upload of any version: how long the project has been silent."""
    days: int | None

    @property
    def old(self) -> bool:
        """Whether nothing was released for years."""
        return self.days is not None and self.days > OLD


def index_of_pip() -> str:
    """The address of the index that pip uses here."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASK_PIP], capture_output=True, text=True, timeout=60, check=True
    )
    return asked.stdout.strip().splitlines()[-1].rstrip("/")


def ages(
    packages: Sequence[Locked], index: str, today: datetime.date
) -> tuple[tuple[Age, ...], str]:
    """The age of each package and ""; or none, and why it could not be checked."""
    found = []
    for one in packages:
        try:
            found.append(_age(one, _asked(f"{index}/{one.name}/"), today))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = type(error).__name__
            return (), f"the index gave no usable answer for {one.name} ({what})"
    return tuple(found), ""


def _asked(address: str) -> dict[str, Any]:
    if not address.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("the index is not asked over HTTPS")
    request = urllib.request.Request(address, headers={"Accept": _FORM})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        raw = answer.read(MOST_BYTES)
    document: dict[str, Any] = json.loads(raw)
    return document


def _age(package: Locked, document: dict[str, Any], today: datetime.date) -> Age:
    files = document["files"]
    mine = [one for one in files if one["hashes"].get("sha256") in package.hashes]
    uploaded = min((str(one.get("upload-time", ""))[:10] for one in mine), default="")
    newest = max((str(one.get("upload-time", ""))[:10] for one in files), default="")
    days = (today - datetime.date.fromisoformat(newest)).days if newest else None
    return Age(package.name, package.version, uploaded, newest, days)

"""Which licence each package has, and whether the policy of `licences.toml` allows it.

What nobody stated and the metadata does not say clearly is unknown, and unknown is not allowed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from tools.audit.lock import Locked

POLICY = Path(__file__).parent / "licences.toml"
UNKNOWN = "unknown"

_NAMES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "mit": "MIT",
    "mit license": "MIT",
    "mpl-2.0": "MPL-2.0",
    "mpl-2.0 and mit": "MPL-2.0 AND MIT",
    "psf-2.0": "PSF-2.0",
    "unlicense": "Unlicense",
}


@dataclass(frozen=True, slots=True)
class Licence:
    """Of one package, as an SPDX expression, and where that is from; `mistake` is "" when it is allowed."""

    package: str
    version: str
    expression: str
    source: str
    exception: str = ""
    mistake: str = ""


def licences(
    packages: Iterable[Locked], policy: Mapping[str, Any] | None = None
) -> tuple[Licence, ...]:
    """The licence of each package, judged."""
    rules = policy if policy is not None else tomllib.loads(POLICY.read_text(encoding="utf-8"))
    return tuple(_judged(one, rules) for one in packages)


def unneeded(found: Iterable[Licence], policy: Mapping[str, Any] | None = None) -> list[str]:
    """Names of exceptions and statements that no package of the set needs."""
    rules = policy if policy is not None else tomllib.loads(POLICY.read_text(encoding="utf-8"))
    listed = list(found)
    excepted = {one.package for one in listed if one.exception}
    names = {one.package for one in listed}
    return sorted({*(set(rules["exceptions"]) - excepted), *(set(rules.get("stated", {})) - names)})


def _judged(package: Locked, rules: Mapping[str, Any]) -> Licence:
    expression, source = _expression(package, rules)
    exception = rules["exceptions"].get(package.name, {})
    if expression != UNKNOWN and exception.get("licence") == expression:
        why = str(exception.get("why", ""))
        mistake = "" if len(why) > 20 else "the exception gives no reason"
        return Licence(package.name, package.version, expression, source, why, mistake)
    allowed = _allows(expression, frozenset(rules["allowed"]))
    mistake = "" if allowed else f"{expression} is not in the policy"
    return Licence(package.name, package.version, expression, source, "", mistake)


def _expression(package: Locked, rules: Mapping[str, Any]) -> tuple[str, str]:
    stated = rules.get("stated", {}).get(package.name)
    if stated:
        return str(stated), "licences.toml"
    try:
        known = metadata(package.name)
    except PackageNotFoundError:
        return UNKNOWN, "not installed here"
    if known["Version"] != package.version:
        return UNKNOWN, "another version is installed here"
    return _said(known)


def _said(known: PackageMetadata) -> tuple[str, str]:
    members = known.json
    if members.get("license_expression"):
        return str(members["license_expression"]), "License-Expression"
    said = _NAMES.get(str(members.get("license", "")).strip().casefold())
    if said:
        return said, "License"
    sorts = [
        line.rpartition(" :: ")[2]
        for line in members.get("classifier", [])
        if line.startswith("License :: ")
    ]
    names = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
    found = [names.get(sort, UNKNOWN) for sort in sorts]
    return (found[0], "classifier") if len(found) == 1 else (UNKNOWN, "metadata")


def _allows(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an expression without parentheses is met: any part of an OR, every part of an AND."""
    if re.search(r"[()]|\bWITH\b", expression):
        return False
    return any(
        all(name in allowed for name in either.split(" AND "))
        for either in expression.split(" OR ")
    )

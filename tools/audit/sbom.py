"""The bill of materials of the production set: CycloneDX 1.6, JSON.

One component for each line of the lock, no more and no less, with every hash that the lock allows, its licence
and what it needs. The same lock and the same environment give the same bill but for the time.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import tomllib
import uuid
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from tools.audit.licences import UNKNOWN, Licence
from tools.audit.lock import PRODUCTION, ROOT, Locked, normal

_ROOT_REF = "gatehouse"
_SPACE = uuid.UUID("6f2b8f0e-8a55-5d0c-9c52-0d2f4c1f5a77")


def bill(
    packages: Sequence[Locked], found: Iterable[Licence], made: datetime.datetime
) -> dict[str, Any]:
    """The document; `made` is its time, UTC."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    licence = {one.package: one for one in found}
    digest = hashlib.sha256(PRODUCTION.read_bytes()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, digest)}",
        "version": 1,
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": _ROOT_REF,
                "name": "gatehouse",
                "version": project["project"]["version"],
                "licenses": [{"expression": project["project"]["license"]}],
            },
            "properties": [{"name": "gatehouse:lock:sha256", "value": digest}],
        },
        "components": [_component(one, licence[one.name]) for one in packages],
        "dependencies": _dependencies(packages, project),
    }


def _component(package: Locked, licence: Licence) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "scope": "optional" if package.condition else "required",
        # Any one of these files may be what is installed, so they are no hashes of the component.
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.purl,
                "comment": "a file that the lock allows",
                "hashes": [{"alg": "SHA-256", "content": value}],
            }
            for value in package.hashes
        ],
    }
    if licence.expression != UNKNOWN:
        component["licenses"] = [{"expression": licence.expression}]
    if package.condition:
        component["properties"] = [{"name": "gatehouse:marker", "value": package.condition}]
    return component


def _dependencies(packages: Sequence[Locked], project: dict[str, Any]) -> list[dict[str, Any]]:
    refs = {one.name: one.purl for one in packages}
    # What Rasa really needs is stated by us; its own metadata names packages that are left out.
    stated = {
        entry["name"]: entry["requires-dist"]
        for entry in project["tool"]["uv"].get("dependency-metadata", [])
    }
    graph = {_ROOT_REF: project["project"]["dependencies"]}
    for one in packages:
        graph[one.purl] = stated.get(one.name) or _required(one.name)
    return [
        {"ref": ref, "dependsOn": sorted({refs[name] for name in _names(needs) if name in refs})}
        for ref, needs in graph.items()
    ]


def _required(name: str) -> list[str]:
    try:
        return [line for line in requires(name) or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return []


def _names(requirements: Iterable[str]) -> list[str]:
    found = (re.match(r"[A-Za-z0-9][\w.-]*", line) for line in requirements)
    return [normal(match[0]) for match in found if match]

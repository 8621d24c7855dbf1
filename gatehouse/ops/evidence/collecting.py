"""Makes a bundle: looks, compares with the map, records that it does so, signs, writes.

The entry of the audit log comes before the file and holds the hash of what is signed, so that a
bundle can later be told from one that this deployment never made. Nothing may be written to the
bundle that names a person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from gatehouse.clock import as_iso
from gatehouse.errors import NotReady
from gatehouse.ops.evidence import bundle, oscal, sheet
from gatehouse.ops.evidence.assessment import Assessment, assess
from gatehouse.ops.evidence.live import Asked, Live, look
from gatehouse.ops.evidence.mapping import EvidenceMap
from gatehouse.ops.evidence.oscal import About
from gatehouse.ops.evidence.pages import front_page, requirements_page
from gatehouse.settings import Settings

FRONT = "index.html"


def require_databases(settings: Settings) -> None:
    """Raise `NotReady` when a database file is not there.

    Opening it would make an empty one, and evidence of an empty deployment is worse than none.
    """
    for section, what in (
        (settings.database, "the main database"),
        (settings.audit, "the audit log"),
    ):
        url = make_url(settings.database_url(section))
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise NotReady(f"{what} is not there", "name it in the settings, or restore it")


def collect(
    asked: Asked,
    evidence: EvidenceMap,
    path: Path,
    ticked: Callable[[str], object] = lambda name: None,
) -> Assessment:
    """Write the bundle of a deployment to `path`, a file that is not there yet.

    Raises `Unavailable` when the log or the file cannot be written; then there is no file.
    """
    runtime = asked.runtime
    bundle.require_free(path)
    about = About(
        runtime.checkpoints.trust.origin, version("gatehouse"), as_iso(runtime.clock.now())
    )
    found = assess(evidence, asked.outcomes, list(look(asked, ticked)))
    members = members_of(found, about)
    sums = bundle.sums_of(members)
    digest = hashlib.sha256(sums).hexdigest()
    entry = runtime.audit.append(
        "evidence",
        bundle=digest,
        collected=sum(one.collected for one in found.live),
        looks=len(found.live),
    )
    statement = bundle.Statement(about.log, about.made, entry, digest)
    signature = runtime.checkpoints.vouch(statement.text())
    bundle.write(path, bundle.pack(members, sums, signature))
    return found


def members_of(found: Assessment, about: About) -> dict[str, bytes]:
    """Every member of the bundle by its name, but for list and signature."""
    members = {
        "evidence.json": _json(_document(found, about)),
        "requirements.csv": sheet.sheet(found.requirements).encode(),
        "oscal/component-definition.json": _json(oscal.component_definition(found, about)),
        "oscal/assessment-results.json": _json(oscal.assessment_results(found, about)),
    }
    for one in found.live:
        members[f"live/{one.name}.json"] = _json(_told(one))
        members |= {f"live/{name}": data for name, data in one.files.items()}
    for framework in found.evidence.frameworks:
        members[f"{framework.name}.html"] = requirements_page(found, framework)
    members[FRONT] = front_page(found, about, members)
    return members


def _document(found: Assessment, about: About) -> dict[str, Any]:
    """Everything in one document, for programs."""
    return {
        "format": 1,
        **asdict(about),
        "caution": oscal.REMARK,
        "live": [_told(one) for one in found.live],
        "frameworks": [asdict(framework) for framework in found.evidence.frameworks],
        "requirements": [
            {
                **asdict(one.claim),
                "last": one.last,
                "tests": dict(one.tests),
                "selftests": dict(one.selftests),
                "live": dict(one.live),
            }
            for one in found.requirements
        ],
    }


def _told(one: Live) -> dict[str, Any]:
    return {
        "name": one.name,
        "about": one.about,
        "state": one.state,
        "why": one.why,
        "facts": dict(one.facts),
        "parts": dict(one.parts),
        "files": sorted(one.files),
    }


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

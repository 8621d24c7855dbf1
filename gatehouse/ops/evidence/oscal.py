"""The map and its results in OSCAL 1.1.3 (NIST): a component definition and assessment results.

Identifiers are made from what they stand for (UUID version 5), so that two bundles of one deployment
can be compared. "satisfied" is the word of the model for "what is claimed was shown"; an assessor
decides, and the remarks say so.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatehouse.ops.evidence.assessment import BY_DOCUMENT, SHOWN, Assessed, Assessment
from gatehouse.ops.evidence.live.result import Live
from gatehouse.ops.evidence.mapping import MET, NOT_APPLICABLE, Framework

OSCAL: Final = "1.1.3"
NAMESPACE: Final = "https://gatehouse.invalid/ns/evidence"
REMARK: Final = (
    "Made by the program that is described. Evidence for an assessment, not its result: an assessor "
    "decides whether a requirement is met."
)
_ROOT: Final = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)


@dataclass(frozen=True, slots=True)
class About:
    """What the documents are about: `log` names the deployment, `made` is RFC 3339."""

    log: str
    version: str
    made: str


def component_definition(found: Assessment, about: About) -> dict[str, Any]:
    """What Gatehouse is claimed to do for each requirement, without results."""
    return {
        "component-definition": {
            "uuid": _id("component-definition", about.log, about.made),
            "metadata": _metadata("Gatehouse: what is claimed", about),
            "components": [
                {
                    "uuid": _component(),
                    "type": "software",
                    "title": "Gatehouse",
                    "description": "A conversational assistant with verified identity, "
                    "authorization, step-up, audit and expiring conversations.",
                    "props": [{"name": "version", "value": about.version}],
                    "control-implementations": [
                        _implementation(framework, found.of(framework.name))
                        for framework in found.evidence.frameworks
                    ],
                }
            ],
        }
    }


def assessment_results(found: Assessment, about: About) -> dict[str, Any]:
    """What was looked at and what it says about each requirement."""
    plan = _id("no assessment plan")
    return {
        "assessment-results": {
            "uuid": _id("assessment-results", about.log, about.made),
            "metadata": _metadata("Gatehouse: what was found", about),
            "import-ap": {"href": f"#{plan}"},
            "results": [
                _result(found, framework, about) for framework in found.evidence.frameworks
            ],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "No assessment plan",
                        "description": "The results were collected by `gatehouse evidence collect`; "
                        "what it looks at is fixed in the program and listed on the front page.",
                        "rlinks": [{"href": "../index.html", "media-type": "text/html"}],
                    }
                ]
            },
        }
    }


def _metadata(title: str, about: About) -> dict[str, Any]:
    return {
        "title": title,
        "last-modified": about.made,
        "version": about.version,
        "oscal-version": OSCAL,
        "remarks": REMARK,
    }


def _implementation(framework: Framework, requirements: Iterable[Assessed]) -> dict[str, Any]:
    return {
        "uuid": _id("implementation", framework.name),
        "source": framework.source,
        "description": f"{framework.title} {framework.version}, in words of the authors of Gatehouse.",
        "implemented-requirements": [
            {
                "uuid": _id("requirement", framework.name, one.claim.id),
                "control-id": one.claim.id,
                "description": _description(one),
                "props": list(_claimed(one)),
            }
            for one in requirements
        ],
    }


def _claimed(one: Assessed) -> Iterable[dict[str, str]]:
    for name, values in (
        ("status", (one.claim.status.replace("_", "-"),)),
        ("where", one.claim.where),
        ("test", one.claim.tests),
        ("setting", one.claim.settings),
        ("self-test", one.claim.selftests),
    ):
        yield from ({"name": name, "ns": NAMESPACE, "value": value} for value in values)


def _description(one: Assessed) -> str:
    claim = one.claim
    parts = (
        claim.how,
        claim.customer and f"The customer: {claim.customer}",
        claim.gap and f"Not met: {claim.gap}",
        claim.why and f"Does not apply: {claim.why}",
    )
    return " ".join(part for part in parts if part)


def _result(found: Assessment, framework: Framework, about: About) -> dict[str, Any]:
    requirements = [one for one in found.of(framework.name) if one.claim.status != NOT_APPLICABLE]
    return {
        "uuid": _id("result", framework.name, about.log, about.made),
        "title": f"{framework.title} {framework.version}",
        "description": REMARK,
        "start": about.made,
        "end": about.made,
        "reviewed-controls": {
            "control-selections": [
                {"include-controls": [{"control-id": one.claim.id} for one in requirements]}
            ]
        },
        "observations": [_observation(one, framework, about) for one in found.live],
        "findings": [
            _finding(one, framework, about, {look.name for look in found.live})
            for one in requirements
        ],
    }


def _observation(one: Live, framework: Framework, about: About) -> dict[str, Any]:
    return {
        "uuid": _observed(one.name, framework, about),
        "title": one.about,
        "description": f"{one.state}: {one.why}" if one.why else one.state,
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": about.made,
        "props": [{"name": "state", "ns": NAMESPACE, "value": one.state.replace(" ", "-")}],
    }


def _finding(
    one: Assessed, framework: Framework, about: About, looks: Collection[str]
) -> dict[str, Any]:
    satisfied = one.claim.status == MET and one.last in (SHOWN, BY_DOCUMENT)
    related = [
        {"observation-uuid": _observed(name, framework, about)}
        for name in _looked_at(one)
        if name in looks
    ]
    return {
        "uuid": _id("finding", framework.name, one.claim.id, about.log, about.made),
        "title": one.claim.id,
        "description": _description(one),
        "target": {
            "type": "objective-id",
            "target-id": one.claim.id,
            "status": {
                "state": "satisfied" if satisfied else "not-satisfied",
                "reason": "pass" if satisfied else "fail" if one.last == "failed" else "other",
                "remarks": f"{one.claim.status.replace('_', ' ')}; {one.last}. {_ended(one.tests)}",
            },
        },
        **({"related-observations": related} if related else {}),
    }


def _looked_at(one: Assessed) -> list[str]:
    names = list(one.live)
    names += ["tests"] if one.tests else []
    names += ["selftest"] if one.selftests else []
    return list(dict.fromkeys(names))


def _ended(tests: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {how}" for name, how in tests.items())


def _observed(name: str, framework: Framework, about: About) -> str:
    return _id("observation", framework.name, name, about.log, about.made)


def _component() -> str:
    return _id("component")


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_ROOT, "\0".join(parts)))

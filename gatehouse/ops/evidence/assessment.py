"""Puts claims and results together: for each requirement, what showed it and how that ended.

"shown" needs every test and self-test that is claimed to have run and passed and every live result to
be had and good. One that failed makes the whole requirement "failed", one that is missing or has a
remark "shown in part" or "not shown". Nothing here may round up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatehouse.ops.evidence.live.result import Live
from gatehouse.ops.evidence.mapping import MET, PARTLY, EvidenceMap, Requirement
from gatehouse.ops.evidence.outcomes import FAILED, PASSED, UNKNOWN, Outcomes

SHOWN, IN_PART, NOT_SHOWN, BY_DOCUMENT, NOTHING = (
    "shown",
    "shown in part",
    "not shown",
    "by document",
    "nothing to show",
)
STATES: Final = (SHOWN, IN_PART, NOT_SHOWN, FAILED, BY_DOCUMENT, NOTHING)


@dataclass(frozen=True, slots=True)
class Assessed:
    """A requirement with the outcome of each test, self-test and live result that it names."""

    claim: Requirement
    last: str
    tests: Mapping[str, str]
    selftests: Mapping[str, str]
    live: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The map as it stands: every requirement with its results, and the results by themselves."""

    evidence: EvidenceMap
    requirements: Sequence[Assessed]
    live: Sequence[Live]

    def of(self, framework: str) -> list[Assessed]:
        return [one for one in self.requirements if one.claim.framework == framework]

    def by_status(self, framework: str) -> Counter[str]:
        return Counter(one.claim.status for one in self.of(framework))


def assess(evidence: EvidenceMap, outcomes: Outcomes, live: Sequence[Live]) -> Assessment:
    """What the results say about every claim."""
    looks = {one.name: one for one in live}
    attacks = looks["selftest"].parts if "selftest" in looks else {}
    return Assessment(
        evidence,
        [_assess(one, outcomes, attacks, looks) for one in evidence.requirements],
        live,
    )


def _assess(
    one: Requirement, outcomes: Outcomes, attacks: Mapping[str, str], looks: Mapping[str, Live]
) -> Assessed:
    tests = {name: outcomes.of(name) for name in one.tests}
    selftests = {name: attacks.get(name, UNKNOWN) for name in one.selftests}
    live = {name: looks[name].state if name in looks else "not available" for name in one.live}
    return Assessed(one, _last(one, tests, selftests, live), tests, selftests, live)


def _last(
    one: Requirement,
    tests: Mapping[str, str],
    selftests: Mapping[str, str],
    live: Mapping[str, str],
) -> str:
    if one.status not in (MET, PARTLY):
        return NOTHING
    ended = [*tests.values(), *selftests.values()]
    if FAILED in ended or "bad" in live.values():
        return FAILED
    good = [how == PASSED for how in ended]
    good += [how in ("good", "collected") for how in live.values()]
    if not good:
        return BY_DOCUMENT
    if all(good):
        return SHOWN
    return IN_PART if any(good) else NOT_SHOWN

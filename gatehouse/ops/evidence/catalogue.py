"""Joins the map with the attacks of the self-test, which name the requirements they are about.

An attack says it once, in its own file; the map names attacks only where it wants one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gatehouse.ops.evidence.mapping import MET, PARTLY, EvidenceMap, Requirement, read_map
from gatehouse.ops.selftest.catalogue import catalogue


def attack_ids() -> frozenset[str]:
    """Every id of the catalogue of `gatehouse selftest`."""
    return frozenset(attack.id for attack in catalogue())


def attacks_by_requirement() -> dict[str, tuple[str, ...]]:
    """The ids of the attacks about each requirement of ASVS."""
    found: dict[str, list[str]] = {}
    for attack in catalogue():
        for name in attack.asvs:
            found.setdefault(f"v5.0.0-{name.removeprefix('V')}", []).append(attack.id)
    return {name: tuple(sorted(ids)) for name, ids in found.items()}


def full_map(directory: Path) -> EvidenceMap:
    """The map in `directory` with the attacks of each requirement that is claimed as met or partly.

    Raises as `read_map`.
    """
    evidence, attacks = read_map(directory), attacks_by_requirement()
    joined = tuple(_joined(one, attacks) for one in evidence.requirements)
    return replace(evidence, requirements=joined)


def _joined(one: Requirement, attacks: Mapping[str, tuple[str, ...]]) -> Requirement:
    if one.framework != "asvs" or one.status not in (MET, PARTLY):
        return one
    ids = dict.fromkeys([*one.selftests, *attacks.get(one.id, ())])
    return replace(one, selftests=tuple(ids))

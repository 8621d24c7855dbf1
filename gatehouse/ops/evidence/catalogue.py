"""The ids of the attacks of the self-test, for claims that name them."""

from __future__ import annotations

from gatehouse.ops.selftest.catalogue import catalogue


def attack_ids() -> frozenset[str]:
    """Every id of the catalogue of `gatehouse selftest`."""
    return frozenset(attack.id for attack in catalogue())

"""The attacks there are: one module each below `attacks/`, found by looking there.

Importing it is cheap and opens nothing, so that other tools can list the attacks by id.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from gatehouse.errors import InvalidInput
from gatehouse.ops.selftest import attacks
from gatehouse.ops.selftest.attack import SEVERITIES, Attack


@cache
def catalogue() -> tuple[Attack, ...]:
    """Every attack, in the order in which they run."""
    found = []
    for module in pkgutil.iter_modules(attacks.__path__, f"{attacks.__name__}."):
        attack = importlib.import_module(module.name).ATTACK
        assert isinstance(attack, Attack), module.name
        found.append(attack)
    return tuple(sorted(found, key=lambda one: (one.order, one.id)))


def chosen(only: tuple[str, ...], skip: tuple[str, ...]) -> tuple[Attack, ...]:
    """The attacks called `only` (all when empty) without `skip`; raises `InvalidInput`."""
    known = {attack.id for attack in catalogue()}
    for name in (*only, *skip):
        if name not in known:
            raise InvalidInput(f"there is no attack called {name!r}", "--list shows all of them")
    return tuple(
        attack
        for attack in catalogue()
        if (not only or attack.id in only) and attack.id not in skip
    )


def worst_first(attack: Attack) -> tuple[int, str]:
    """A key that sorts the gravest first."""
    return SEVERITIES.index(attack.severity), attack.id

"""The self-test can fail: each weakness that a server is given is found, and a whole one is left alone."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from _pytest.mark import ParameterSet

from gatehouse.ops.selftest.catalogue import catalogue
from tests.selftest import weaknesses
from tests.selftest.weakened import Weakened

NAMES = sorted(module.name for module in pkgutil.iter_modules(weaknesses.__path__))
QUICK = {"csrf_not_compared", "headers_without_policy", "slash_stays"}


def found_by(name: str) -> str:
    found: str = importlib.import_module(f"tests.selftest.weaknesses.{name}").FOUND_BY
    return found


def _marked(name: str) -> ParameterSet:
    return pytest.param(name, marks=() if name in QUICK else pytest.mark.outside)


@pytest.mark.parametrize("name", [_marked(name) for name in NAMES])
def test_a_weakness_is_found(weakened: Weakened, name: str) -> None:
    """The attack that is made for it finds the weakness, and nothing once the weakness is gone."""
    attack = found_by(name)
    weakened.weaken(name)
    try:
        (result,) = weakened.attack(attack).results
    finally:
        weakened.weaken("")
    assert ("failed", attack) == (result.outcome, result.attack.id), result
    if attack == "slow-requests":
        return  # half a minute; the run on the default deployment makes it too
    (after,) = weakened.attack(attack).results
    assert "passed" == after.outcome, after


def test_there_are_enough_weaknesses() -> None:
    """At least 25, and each names an attack that there is."""
    assert 25 <= len(NAMES)
    assert set() == {found_by(name) for name in NAMES} - {attack.id for attack in catalogue()}

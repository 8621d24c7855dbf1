"""The self-test can fail: each weakness that a server is given is found, and a whole one is left alone."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from gatehouse.ops.selftest.catalogue import catalogue
from tests.selftest import weaknesses
from tests.selftest.weakened import Weakened

NAMES = sorted(module.name for module in pkgutil.iter_modules(weaknesses.__path__))
QUICK = {"csrf_not_compared", "headers_without_policy", "slash_stays"}


def found_by(name: str) -> str:
    """The attack that must find a weakness; read, for importing it is the server's business."""
    text = (Path(__file__).parent / "weaknesses" / f"{name}.py").read_text(encoding="utf-8")
    found = re.search(r'^FOUND_BY = "([a-z-]+)"$', text, re.MULTILINE)
    assert found is not None, name
    return found[1]


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

"""The people of these tests."""

from __future__ import annotations

from gatehouse.identity import Person

from .conftest import PERSON

OTHER = "p-ffffffffffff"
ERIN = Person(PERSON, "erin.walsh", "Erin Walsh", frozenset(), "", "", "", False, False, False)

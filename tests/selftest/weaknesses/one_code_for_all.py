"""One good code stands for everything that a person asks afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.dialogue.checkpoint import Checkpoint

FOUND_BY = "grant-reuse"


def weaken(patch: pytest.MonkeyPatch) -> None:
    redeemed, confirmed = Checkpoint._redeemed, set[str]()

    def remembered(self: Checkpoint, person: Any, *arguments: Any, **more: Any) -> bool:
        if redeemed(self, person, *arguments, **more):
            confirmed.add(person.person_id)
        return person.person_id in confirmed

    patch.setattr(Checkpoint, "_redeemed", remembered)

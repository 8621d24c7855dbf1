"""Requests for other hosts are answered."""

from __future__ import annotations

import pytest

from gatehouse.channel.admission import Admission

FOUND_BY = "host-header"


def weaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Admission, "check_transport", lambda self, request, *, any_host=False: None)

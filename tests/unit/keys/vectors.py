"""Test vectors that nobody here wrote, beside the project (`../shared/vectors`)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "wycheproof"


def groups(name: str) -> list[dict[str, Any]]:
    """The test groups of one Wycheproof file; skips where the folder is absent, fails in CI."""
    path = FOLDER / name
    if not path.exists():
        message = f"Wycheproof's {name} is not in ../shared/vectors/wycheproof"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return list(json.loads(path.read_text())["testGroups"])

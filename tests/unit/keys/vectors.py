"""Test vectors that nobody here wrote, beside the project (`../shared/vectors`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.needs import need

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "wycheproof"


def groups(name: str) -> list[dict[str, Any]]:
    """The test groups of one Wycheproof file; skips where the folder is absent, fails in CI."""
    path = FOLDER / name
    need(path.exists(), f"Wycheproof's {name} is not in ../shared/vectors/wycheproof")
    return list(json.loads(path.read_text())["testGroups"])

"""What Rasa declares and this set leaves out or replaces, with the reason; see lean/README.md."""

from __future__ import annotations

import sys
import tomllib
from typing import Any

from tools.audit.lock import ROOT


def left_out() -> list[dict[str, str]]:
    """Each package that a placeholder stands for: what would need it, and how it comes back."""
    sys.path.insert(0, str(ROOT / "lean"))
    try:
        from gatehouse_lean.absent import ABSENT
    finally:
        sys.path.remove(str(ROOT / "lean"))
    return [
        {"package": name, "needed_by": entry.user, "comes_back_with": entry.requirement}
        for name, entry in sorted(ABSENT.items())
    ]


def moved() -> list[str]:
    """Requirements that we state in place of pins of Rasa which left support."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["tool"]["uv"]["override-dependencies"])

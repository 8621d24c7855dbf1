"""Which warnings are kept off the terminal, and which are not."""

from __future__ import annotations

import warnings
from types import ModuleType

import pytest
from gatehouse_lean.quiet import adjust

NAMED = (
    "pkg_resources is deprecated as an API. See https://example.org",
    "'setParseAction' deprecated - use 'set_parse_action'",
    "'multi_class' was deprecated in version 1.5 and will be removed in 1.8.",
    "[DEPRECATION v26.6] Passing the loop argument to listeners is deprecated. Your listener",
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the place that shows warnings, after the adjustment."""
    seen: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *rest: seen.append(str(message)))
    monkeypatch.setattr("sys.warnoptions", [])
    adjust(ModuleType("rasa"))
    return seen


@pytest.mark.parametrize("message", NAMED)
def test_a_named_warning_is_not_shown(shown: list[str], message: str) -> None:
    """A warning in the list stays off the terminal."""
    warnings.showwarning(message, UserWarning, "file.py", 1)
    assert [] == shown


def test_any_other_warning_is_shown(shown: list[str]) -> None:
    """A warning that nobody has looked at yet is seen."""
    warnings.showwarning("something new is deprecated", DeprecationWarning, "file.py", 1)
    assert ["something new is deprecated"] == shown


def test_who_asks_for_warnings_gets_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `-W` or PYTHONWARNINGS nothing is hidden."""
    before = warnings.showwarning
    monkeypatch.setattr("sys.warnoptions", ["default"])
    adjust(ModuleType("rasa"))
    assert before is warnings.showwarning

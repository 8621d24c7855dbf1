"""The hook that adjusts a module right after its import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from gatehouse_lean.after_import import AfterImportFinder
from gatehouse_lean.start import ADJUSTERS, start


@pytest.fixture
def adjusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on the path where `lean_subject` is adjusted by `lean_adjuster`."""
    finder = AfterImportFinder({"lean_subject": "lean_adjuster"})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lean_adjuster.py").write_text("def adjust(module): module.value += 1\n")
    yield tmp_path
    for name in ("lean_subject", "lean_adjuster"):
        sys.modules.pop(name, None)


def test_the_module_runs_first_and_is_then_adjusted(adjusted: Path) -> None:
    """The adjuster sees the finished module, and its file is the module's own."""
    (adjusted / "lean_subject.py").write_text("value = 1\n")
    subject = importlib.import_module("lean_subject")
    assert 2 == subject.value
    assert str(adjusted / "lean_subject.py") == subject.__file__


def test_an_error_of_the_module_is_not_hidden(adjusted: Path) -> None:
    """A module that fails to import fails as it would without the hook."""
    (adjusted / "lean_subject.py").write_text("raise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("lean_subject")


def test_a_missing_module_stays_missing(adjusted: Path) -> None:
    """Naming a module does not make it exist."""
    with pytest.raises(ModuleNotFoundError, match="lean_subject"):
        importlib.import_module("lean_subject")


def test_starting_twice_registers_once() -> None:
    """A second start leaves the finders as they are."""
    before = list(sys.meta_path)
    start()
    assert before == sys.meta_path


@pytest.mark.parametrize("name", sorted(ADJUSTERS))
def test_every_adjusted_module_exists(name: str) -> None:
    """A library that moves a module this package adjusts is noticed here."""
    assert isinstance(importlib.import_module(name), ModuleType)
    assert callable(importlib.import_module(ADJUSTERS[name]).adjust)

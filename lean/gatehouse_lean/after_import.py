"""Runs a function right after a named module was imported.

This is how the changes of this package reach Rasa and Sanic without a changed file: the module is
loaded from its own source, then one function adjusts it. A module that nobody imports costs nothing.
Must never hide an error of the module itself and must leave every other import alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Adjusting(Loader):
    """Loads as `loader` does, then calls the function `adjust` of the module `adjuster`."""

    def __init__(self, loader: Any, adjuster: str) -> None:
        self._loader = loader
        self._adjuster = adjuster

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        importlib.import_module(self._adjuster).adjust(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class AfterImportFinder(MetaPathFinder):
    """Finds the modules named in `adjusters` (module name → name of the adjusting module)."""

    def __init__(self, adjusters: Mapping[str, str]) -> None:
        self._adjusters = adjusters

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        adjuster = self._adjusters.get(fullname)
        if adjuster is None:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Adjusting(spec.loader, adjuster)
        return spec

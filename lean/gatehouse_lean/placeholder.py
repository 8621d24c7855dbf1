"""Placeholder modules for packages that Rasa imports but that are not installed.

Those imports need names to inherit from, to annotate with and to catch, nothing more. A placeholder
gives such names and refuses everything else: calling one raises `PackageNotInstalled`. It must never
answer for a package that is installed, and never in a process that does not import Rasa.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from gatehouse_lean.absent import ABSENT, absent_for


class PackageNotInstalled(RuntimeError):
    """Something tried to use a package where only its placeholder is present.

    Not an `ImportError`: code that guards an optional import would hide it.
    """

    def __init__(self, path: str) -> None:
        absent = absent_for(path)
        assert absent is not None, path
        package = path.partition(".")[0]
        super().__init__(
            f"{absent.user} uses {path}, and {package} is not installed here. "
            f"Install it into this environment: pip install {absent.requirement} "
            "(lean/README.md says which versions work)."
        )
        self.path = path


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


class PlaceholderType(type):
    """The type of every placeholder: has any attribute, can be inherited from, cannot be called."""

    def __getattr__(cls, name: str) -> Any:
        if _is_special(name):
            raise AttributeError(name)
        return _placeholder(f"{cls._stands_for}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise PackageNotInstalled(cls._stands_for)


def _placeholder(path: str) -> PlaceholderType:
    """A placeholder for the object with the dotted `path`, for example `tensorflow.Tensor`.

    It inherits from `Exception`, because Rasa names some of them in `except` clauses.
    """
    module, _, name = path.rpartition(".")
    return PlaceholderType(name, (Exception,), {"__module__": module, "_stands_for": path})


class PlaceholderModule(ModuleType):
    """A module that has every name that is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if _is_special(name):
            raise AttributeError(name)
        value = _placeholder(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class PlaceholderFinder(MetaPathFinder, Loader):
    """The last finder on `sys.meta_path`: asked only when no real module was found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if "rasa" not in sys.modules:
            return None
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if fullname in ABSENT or isinstance(parent, PlaceholderModule):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return PlaceholderModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: a placeholder has no code."""


def is_placeholder(name: str) -> bool:
    """Whether the imported module `name` is a placeholder."""
    return isinstance(sys.modules.get(name), PlaceholderModule)

"""The placeholder modules: enough to be imported, nothing more."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from gatehouse_lean.absent import ABSENT
from gatehouse_lean.placeholder import (
    PackageNotInstalled,
    PlaceholderFinder,
    PlaceholderModule,
    is_placeholder,
)

AS_RASA = "import sys, rasa; "
# The tests' environment holds some of the packages, as extras; this interpreter does not find them.
WITHOUT = """
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
hidden = lambda name, path=None, target=None: (
    None if name.split(".")[0] == {name!r}.split(".")[0] else found(name, path, target)
)
PathFinder.find_spec = hidden
import rasa
"""


def python(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter of this environment says to `code`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(map(str, path))},
        capture_output=True,
        check=False,
        text=True,
    )


@pytest.fixture
def tensorflow() -> PlaceholderModule:
    return PlaceholderModule("tensorflow")


def test_a_name_can_be_inherited_from_and_annotated_with(tensorflow: PlaceholderModule) -> None:
    """A placeholder serves as base class, in a subscripted annotation and as a default value."""

    class Layer(tensorflow.keras.layers.Layer):
        def call(self, x: tensorflow.Tensor | None = tensorflow.float32) -> None: ...

    assert "Layer" == Layer.__mro__[1].__name__


def test_calling_a_placeholder_names_what_to_install(tensorflow: PlaceholderModule) -> None:
    """Use of a placeholder is an error that names the object and the pip command."""
    with pytest.raises(PackageNotInstalled, match=r"tensorflow\.constant.*pip install --no-deps"):
        tensorflow.constant([1])


def test_a_class_derived_from_a_placeholder_cannot_be_made(tensorflow: PlaceholderModule) -> None:
    """A class that inherits from a placeholder names it when somebody instantiates it."""

    class Model(tensorflow.keras.Model):
        pass

    with pytest.raises(PackageNotInstalled, match=r"tensorflow\.keras\.Model"):
        Model()


def test_a_placeholder_can_be_caught_and_catches_nothing() -> None:
    """In an `except` clause a placeholder lets other errors through."""
    absent = PlaceholderModule("pymongo.errors")
    with pytest.raises(KeyError):
        try:
            raise KeyError
        except absent.ConnectionFailure:
            pass


def test_the_finder_comes_after_the_one_for_installed_packages() -> None:
    """The search path is asked first, so an installed package always wins."""
    importlib.import_module("rasa")  # its import puts the finder there
    kinds = [finder if isinstance(finder, type) else type(finder) for finder in sys.meta_path]
    assert kinds.index(PathFinder) < kinds.index(PlaceholderFinder)


def test_a_process_without_rasa_sees_no_placeholder() -> None:
    """Outside Rasa an absent package is absent."""
    result = python("import tensorflow")
    assert "ModuleNotFoundError: No module named 'tensorflow'" == result.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_every_listed_package_is_answered_under_rasa(name: str) -> None:
    """Each entry of the table can be imported once Rasa is, with any submodule."""
    code = f"import {name}.anything.below; print(type(sys.modules['{name}']))"
    result = python(WITHOUT.format(name=name) + code)
    assert "<class 'gatehouse_lean.placeholder.PlaceholderModule'>\n" == result.stdout


def test_the_placeholder_steps_aside_for_a_real_package(tmp_path: Path) -> None:
    """With a real `tensorflow` on the path, it is imported and its submodules are its own."""
    package = tmp_path / "tensorflow"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '2.12.1'\n")
    code = AS_RASA + (
        "import tensorflow; print(tensorflow.__version__)\n"
        "try: import tensorflow.absent\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    assert "2.12.1\nNo module named 'tensorflow.absent'\n" == python(code, tmp_path).stdout


def test_a_plain_interpreter_loads_none_of_it() -> None:
    """Starting Python imports neither Rasa nor the modules that adjust it."""
    code = (
        "import sys; print(sorted(m for m in sys.modules if 'gatehouse_lean' in m or 'rasa' in m))"
    )
    expected = ["gatehouse_lean", "gatehouse_lean.start"]
    assert f"{expected}\n" == python(code).stdout


def test_an_unimported_module_is_no_placeholder() -> None:
    """Asking does not import."""
    assert not is_placeholder("tensorflow_text")
    assert "tensorflow_text" not in sys.modules

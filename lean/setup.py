"""Puts `gatehouse_lean.pth` beside the package, so that the interpreter starts it.

Everything else is declared in pyproject.toml. setuptools has no declaration for a `.pth` file that
works in wheels, hence this one build step.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NAME = "gatehouse_lean.pth"


class BuildWithStarter(build_py):
    """`build_py` that also copies the `.pth` file to the root of the wheel."""

    def run(self) -> None:
        super().run()
        self.copy_file(str(Path(__file__).with_name(NAME)), str(Path(self.build_lib, NAME)))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), str(Path(self.build_lib, NAME))]


setup(cmdclass={"build_py": BuildWithStarter})

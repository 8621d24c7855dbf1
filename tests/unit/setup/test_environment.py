"""tools/environment.py: a finished environment is left alone, an unfinished one is made again."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
LOCK = "alpha==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nsetuptools==80 \\\n    --hash=sha256:cc\n"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, working on an empty project with one lock and one local package."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "environment", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "RealInstaller", module.Installer, raising=False)
    monkeypatch.setattr(module, "Installer", Recorder)
    (tmp_path / "a.lock").write_text(LOCK)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "code.py").write_text("value = 1\n")
    Recorder.steps = []
    Recorder.fails = False
    return module


class Recorder:
    """Stands for pip: notes what it is asked for."""

    steps: list[str]
    fails: bool

    def __init__(self, environment: object) -> None:
        self.environment = environment

    def create(self) -> None:
        self.steps.append("create")
        python = self.environment.python  # type: ignore[attr-defined]
        shutil.rmtree(python.parents[1], ignore_errors=True)
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)

    def locked(self, lock: str) -> None:
        self.steps.append(lock)
        if self.fails:
            raise KeyboardInterrupt

    def local(self, sources: tuple[str, ...]) -> None:
        self.steps.append("local")


def ensured(tool: ModuleType, exact: bool = False) -> list[str]:
    """The steps that one more `make` takes."""
    Recorder.steps = []
    tool.ensure(tool.Environment("env", ("a.lock",), ("local",), ("local",)), exact)
    return Recorder.steps


def test_a_second_start_does_nothing(tool: ModuleType) -> None:
    """A finished environment costs no call of pip."""
    assert ["create", "a.lock", "local"] == ensured(tool)
    assert [] == ensured(tool)


def test_an_interrupted_installation_is_made_again_from_the_start(tool: ModuleType) -> None:
    """What an interrupted installation left is not trusted."""
    Recorder.fails = True
    with pytest.raises(KeyboardInterrupt):
        ensured(tool)
    Recorder.fails = False
    assert ["create", "a.lock", "local"] == ensured(tool)


def test_a_changed_lock_makes_a_new_environment(tool: ModuleType) -> None:
    """A package that is no longer locked cannot stay behind."""
    ensured(tool)
    (tool.ROOT / "a.lock").write_text(LOCK.replace("1.0", "1.1"))
    assert ["create", "a.lock", "local"] == ensured(tool)


def test_a_changed_local_package_is_installed_alone(tool: ModuleType) -> None:
    """Editing lean/ does not download anything."""
    ensured(tool)
    (tool.ROOT / "local" / "code.py").write_text("value = 2\n")
    assert ["local"] == ensured(tool)


def test_an_environment_whose_python_is_gone_is_made_again(tool: ModuleType) -> None:
    """An upgrade of the system's Python does not leave a dead environment."""
    ensured(tool)
    (tool.ROOT / "env" / "bin" / "python").unlink()
    assert ["create", "a.lock", "local"] == ensured(tool)


def test_another_version_rebuilds_only_when_asked_for(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make PYTHON=…` rebuilds; finding another Python first on the path does not."""
    ensured(tool)
    monkeypatch.setattr(tool.sys, "version_info", (3, 99))
    assert [] == ensured(tool)
    assert ["create", "a.lock", "local"] == ensured(tool, exact=True)


def test_an_unsupported_python_is_refused(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another Python gets one clear line and exit code 6."""
    monkeypatch.setattr(tool.sys, "version_info", (3, 13))
    monkeypatch.setattr(tool.sys, "argv", ["environment.py", "application"])
    assert 6 == tool.main()
    assert ("", "error: Python 3.11 or 3.12 is needed\n") == capsys.readouterr()


def test_a_failure_shows_the_last_lines_of_the_log(tool: ModuleType) -> None:
    """What pip said is shown when it fails, and where to look next."""
    environment = tool.Environment("nowhere", ())
    (tool.ROOT / "nowhere").mkdir()
    command = [sys.executable, "-c", "import sys; sys.exit('no space left')"]
    with pytest.raises(tool.NotReady, match=r"(?s)no space left.*hint: free some"):
        tool.RealInstaller(environment)._run(command, "free some")


def test_the_lines_of_one_requirement_keep_their_hashes(tool: ModuleType) -> None:
    """The builder is installed from the lock before anything is built with it."""
    expected = "setuptools==80 \\\n    --hash=sha256:cc\n"
    assert expected == tool.locked_requirement(LOCK, "setuptools")
    assert "" == tool.locked_requirement(LOCK, "wheel")

"""The command `gatehouse`: quick, quiet, and every error explained once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from gatehouse.cli import main as command_line
from gatehouse.cli.home import home_directory
from gatehouse.errors import GatehouseError, IntegrityError, InvalidInput, NotReady

HELP = "from gatehouse.cli.main import main; main(['--help'])"


def run(arguments: list[str]) -> int:
    """The exit code of `gatehouse` with `arguments`, in this process."""
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Replaces `gatehouse settings` by a command that raises what the test puts under `error`."""
    raised: dict[str, BaseException] = {}

    @click.command()
    def fail() -> None:
        raise raised["error"]

    monkeypatch.setattr("gatehouse.cli.settings.settings", fail)
    return raised


def test_help_imports_nothing_heavy() -> None:
    """Printing the help imports neither Rasa nor a server nor a database layer."""
    code = (
        "import sys, atexit\n"
        "heavy = {'rasa', 'rasa_sdk', 'sanic', 'sqlalchemy', 'numpy', 'cryptography'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n" + HELP
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "[]\n" == result.stderr
    assert all(name in result.stdout for name in command_line.COMMANDS)


@pytest.mark.parametrize("name", sorted(command_line.COMMANDS))
def test_every_command_in_the_help_exists(name: str) -> None:
    """What the help lists can be called for its own help."""
    assert command_line.is_available(name)
    assert 0 == run([name, "--help"])


def test_a_command_that_is_not_installed_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing module breaks neither the help nor another command."""
    monkeypatch.setitem(command_line.COMMANDS, "later", ("gatehouse.cli.absent:later", "Later."))
    assert 0 == run(["--help"])
    assert "Later. (not available)" in capsys.readouterr().out
    assert 6 == run(["later"])
    assert capsys.readouterr().err.startswith("error: `gatehouse later` is not available")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GatehouseError("m", "h"), 1),
        (InvalidInput("m", "h"), 3),
        (IntegrityError("m", "h"), 5),
        (NotReady("m", "h"), 6),
    ],
)
def test_an_expected_error_is_explained_and_sets_the_exit_code(
    failing: dict[str, BaseException],
    capsys: pytest.CaptureFixture[str],
    error: GatehouseError,
    code: int,
) -> None:
    """The diagnostics go to stderr, stdout stays empty, the code is the error's."""
    failing["error"] = error
    assert code == run(["settings"])
    assert ("", "error: m\nhint: h\n") == capsys.readouterr()


def test_an_unexpected_error_shows_neither_traceback_nor_value(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    """Only its type is named: its text could hold what a terminal must not see."""
    failing["error"] = ValueError("salary of E-1001")
    assert 1 == run(["settings"])
    expected = "error: unexpected ValueError\nhint: --debug shows where\n"
    assert ("", expected) == capsys.readouterr()


def test_debug_shows_the_traceback(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--debug` in front of the command the traceback is there."""
    failing["error"] = ValueError("v")
    assert 1 == run(["--debug", "settings"])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_ends_without_a_traceback(
    failing: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    """An interrupted command exits with 130, as shells expect, and only ends the line."""
    failing["error"] = KeyboardInterrupt()
    assert 130 == run(["settings"])
    assert ("", "\n") == capsys.readouterr()


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["settings", "--nonsense"]])
def test_wrong_usage_exits_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown command or option is a usage error on stderr."""
    assert 2 == run(arguments)
    assert "" == capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    """`gatehouse settings | head -1` says nothing on stderr."""
    (tmp_path / "policies").mkdir()
    code = "from gatehouse.cli.main import main; main(['settings'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert b"" == process.stderr.read()
    process.wait()


def test_a_deployment_without_its_policies_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, keys or kept rules are enough to know it by; an empty directory is none."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    with pytest.raises(NotReady, match="neither policies/ nor"):
        home_directory()
    (tmp_path / "var" / "policy").mkdir(parents=True)
    assert tmp_path.resolve() == home_directory()

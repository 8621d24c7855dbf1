"""`gatehouse train`: once per change, and never a broken model in the place of a good one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatehouse.cli import train as training
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.ops import model_state


class FakeRasa:
    """Stands for `rasa train`: counts calls and writes what it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.code = 0
        self.model: bytes | None = b"model 0"
        self.error: BaseException | None = None

    def __call__(self, command: list[str], **rest: Any) -> subprocess.CompletedProcess[bytes]:
        self.calls += 1
        rest["stdout"].write("Rasa's last words\n")
        out = Path(command[command.index("--out") + 1])
        if self.model is not None:
            (out / command[command.index("--fixed-model-name") + 1]).write_bytes(self.model)
        if self.error is not None:
            raise self.error
        return subprocess.CompletedProcess(command, self.code)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with something to train."""
    for name in ("config.yml", "domain.yml", "data/nlu/pay.yml", "requirements.lock"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    (tmp_path / "policies").mkdir()
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def rasa(monkeypatch: pytest.MonkeyPatch) -> FakeRasa:
    fake = FakeRasa()
    monkeypatch.setattr(training.subprocess, "run", fake)
    return fake


def train(*arguments: str) -> Result:
    return CliRunner().invoke(training.train, arguments, catch_exceptions=False)


def test_an_unchanged_project_is_trained_once(home: Path, rasa: FakeRasa) -> None:
    """The second call does nothing and says nothing."""
    train()
    second = train()
    assert (1, "", 0) == (rasa.calls, second.output, second.exit_code)
    assert b"model 0" == (home / "models" / "current.tar.gz").read_bytes()


@pytest.mark.parametrize("name", ["config.yml", "domain.yml", "data/new.yml", "requirements.lock"])
def test_every_input_counts(home: Path, rasa: FakeRasa, name: str) -> None:
    """A change of configuration, domain, data or packages trains again."""
    train()
    (home / name).write_text("changed\n")
    train()
    assert 2 == rasa.calls


def test_a_renamed_file_counts(home: Path, rasa: FakeRasa) -> None:
    """The same contents under another name are another project."""
    train()
    (home / "data/nlu/pay.yml").rename(home / "data/nlu/leave.yml")
    train()
    assert 2 == rasa.calls


def test_another_rasa_counts(home: Path, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of another version of Rasa is not used."""
    train()
    monkeypatch.setattr(model_state, "version", lambda _name: "3.6.22")
    train()
    assert 2 == rasa.calls


def test_force_trains_again(home: Path, rasa: FakeRasa) -> None:
    """`--force` trains though nothing changed."""
    train()
    train("--force")
    assert 2 == rasa.calls


@pytest.mark.parametrize("damage", [b"", b"model"])
def test_a_damaged_model_is_made_again(home: Path, rasa: FakeRasa, damage: bytes) -> None:
    """A model that is not the one that was finished is never taken for current."""
    train()
    (home / "models" / "current.tar.gz").write_bytes(damage)
    train()
    assert 2 == rasa.calls
    assert b"model 0" == (home / "models" / "current.tar.gz").read_bytes()


@pytest.mark.parametrize("record", [b"", b"[]", b'{"inputs": 1}', b"\xff"])
def test_a_damaged_record_is_no_proof(home: Path, rasa: FakeRasa, record: bytes) -> None:
    """An unreadable record means training again, not an error."""
    train()
    (home / "models" / "current.json").write_bytes(record)
    train()
    assert 2 == rasa.calls


@pytest.mark.parametrize(("code", "model"), [(1, b"half"), (0, None)])
def test_a_failed_training_keeps_the_old_model(
    home: Path, rasa: FakeRasa, code: int, model: bytes | None
) -> None:
    """The old model stays, nothing half-made is left, and the error shows what Rasa said."""
    train()
    (home / "config.yml").write_text("changed\n")
    rasa.code, rasa.model = code, model
    with pytest.raises(InvalidInput, match="Rasa's last words"):
        train()
    assert b"model 0" == (home / "models" / "current.tar.gz").read_bytes()
    assert [] == list((home / "models").glob(".training-*"))


def test_an_interrupted_training_is_done_again(home: Path, rasa: FakeRasa) -> None:
    """Ctrl-C in the middle leaves nothing that counts as a model."""
    rasa.error = KeyboardInterrupt()
    train()
    assert not (home / "models" / "current.tar.gz").exists()
    rasa.error = None
    train()
    assert (2, True) == (rasa.calls, (home / "models" / "current.tar.gz").exists())


def test_two_trainings_do_not_meet(home: Path, rasa: FakeRasa) -> None:
    """While one runs, another is refused instead of writing over it."""
    (home / "models").mkdir()
    with training._only_one(home / "models"), pytest.raises(NotReady):
        train()
    assert 0 == rasa.calls


def test_a_directory_that_is_no_project_is_refused(
    tmp_path: Path, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written where no project is."""
    monkeypatch.setenv("GATEHOUSE_HOME", str(tmp_path))
    with pytest.raises(GatehouseError):
        train()
    assert [] == list(tmp_path.iterdir())

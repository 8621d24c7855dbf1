"""`gatehouse train`: a model that belongs to the training data, made only when it does not exist.

Rasa's own command does the training, unchanged. The finished model replaces the old one in one step,
and `models/current.json` says what it was made from, so a killed or failed training leaves the old
model in use and is done again next time. Training data is not people's data; nothing else is read.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.model_state import MODEL, RECORD, digest, fingerprint, is_current

LOG = "train.log"
LINES_OF_LOG = 15


@click.command()
@click.option("--force", is_flag=True, help="Train even if nothing changed.")
def train(force: bool) -> None:
    """Train the model if the training data, the configuration or Rasa changed."""
    home = home_directory()
    models = home / "models"
    models.mkdir(exist_ok=True)
    with _only_one(models):
        wanted = fingerprint(home)
        if not force and is_current(models, wanted):
            return
        click.echo("Training the model (about a minute, only when its data changed) …", err=True)
        _train(home, models, wanted)


def _train(home: Path, models: Path, wanted: str) -> None:
    with tempfile.TemporaryDirectory(dir=models, prefix=".training-") as scratch:
        made = Path(scratch, MODEL)
        domain = "domain.yml" if (home / "domain.yml").exists() else "domain"
        command = [
            *(sys.executable, "-m", "rasa", "train", "--data", "data", "--config", "config.yml"),
            *("--domain", domain, "--out", scratch, "--fixed-model-name", MODEL),
        ]
        with (models / LOG).open("w", encoding="utf-8") as log:
            code = subprocess.run(command, cwd=home, stdout=log, stderr=log, check=False).returncode
        if code or not made.is_file():
            raise InvalidInput(_failure(models / LOG), f"everything that Rasa said: models/{LOG}")
        record = Path(scratch, RECORD)
        record.write_text(
            json.dumps({"inputs": wanted, "model": digest(made)}) + "\n", encoding="utf-8"
        )
        for path in (made, record):
            os.replace(path, models / path.name)


def _failure(log: Path) -> str:
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_OF_LOG:]
    return "\n  ".join(["the training failed; Rasa's last lines:", *last])


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Held by one process at a time."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotReady("another training is running", "wait for it to end") from error
        yield
    finally:
        os.close(handle)

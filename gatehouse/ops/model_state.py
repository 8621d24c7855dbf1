"""What a trained model was made from, and whether that is what is there now.

Read before training and by the doctor; nothing here trains or imports Rasa.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

INPUTS = ("config.yml", "domain.yml", "domain", "data", "requirements.lock")
# The pipeline's own components: what they learn is in the model.
COMPONENTS = tuple(
    Path(__file__).resolve().parents[1] / "dialogue" / name
    for name in ("authorization.py", "classifier.py")
)
MODEL = "current.tar.gz"
RECORD = "current.json"


def fingerprint(home: Path) -> str:
    """SHA-256, in hex, over all that decides what the model is."""
    summary = hashlib.sha256(f"rasa {version('rasa')}\0".encode())
    for component in COMPONENTS:
        summary.update(bytes.fromhex(digest(component)))
    for path in _input_files(home):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        summary.update(f"{path.relative_to(home).as_posix()}\0{content}\0".encode())
    return summary.hexdigest()


def is_current(models: Path, wanted: str) -> bool:
    """Whether the model in `models` is whole and was made from what `wanted` stands for."""
    try:
        record = json.loads((models / RECORD).read_text(encoding="utf-8"))
        model = digest(models / MODEL)
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record == {"inputs": wanted, "model": model}


def _input_files(home: Path) -> Iterator[Path]:
    for name in INPUTS:
        path = home / name
        if path.is_dir():
            yield from (file for file in sorted(path.rglob("*")) if file.is_file())
        elif path.exists():
            yield path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

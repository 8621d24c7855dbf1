"""The trained model: whether it is there, whole, and made from the training data that is there now."""

from __future__ import annotations

from collections.abc import Iterator

from gatehouse.ops.doctor.finding import Finding, advice, bad, good
from gatehouse.ops.doctor.subject import Subject
from gatehouse.ops.model_state import MODEL, fingerprint, is_current

_MEND = "gatehouse train"


def look(subject: Subject) -> Iterator[Finding]:
    models = subject.home / "models"
    if not (models / MODEL).is_file():
        yield bad("model.none", "there is no trained model", _MEND)
    elif not (subject.home / "data").is_dir():
        yield good("model.there", "there is a trained model")
    elif is_current(models, fingerprint(subject.home)):
        yield good("model.current", "the model is that of the training data")
    else:
        yield advice("model.stale", "the training data changed since the model was made", _MEND)

"""The stored entity tagger finds what Rasa's finds, without being trained again."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
import sklearn_crfsuite
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.extractors.crf_entity_extractor import CRFEntityExtractor
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.training_data.message import Message
from ruamel.yaml import YAML

from gatehouse.dialogue.tagger import StoredCRFEntityExtractor

PROJECT = Path(__file__).resolve().parents[2]
MODEL = PROJECT / "models" / "current.tar.gz"
CONTEXT = ExecutionContext(GraphSchema({}), model_id="m")
SENTENCES = (
    "show me my payslip for May 2026",
    "i want to take leave from monday to friday next week",
    "change my address to 12 Harbour Street, Galway",
    "who is Marco Silva",
    "hello",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalModelStorage, Resource]:
    """The tagger as the trained model of the project holds it."""
    directory = tmp_path_factory.mktemp("tagger")
    with tarfile.open(MODEL) as archive:
        members = [m for m in archive.getmembers() if "StoredCRFEntityExtractor" in m.name]
        for member in members:
            member.name = f"tagger/{Path(member.name).name}"
            if member.isfile():
                archive.extract(member, directory, filter="data")
    return LocalModelStorage(directory), Resource("tagger")


def found(extractor: Any, text: str) -> list[dict[str, Any]]:
    message = Message.build(text)
    WhitespaceTokenizer(WhitespaceTokenizer.get_default_config()).process([message])
    entities: list[dict[str, Any]] = extractor.extract_entities(message)
    return entities


def test_it_loads_what_it_learned(
    stored: tuple[LocalModelStorage, Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds the same as Rasa's own, which is trained at each load, and is not trained itself."""
    pipeline = YAML(typ="safe").load(PROJECT / "config.yml")["pipeline"]
    configured = next(p for p in pipeline if p["name"].endswith("StoredCRFEntityExtractor"))
    config = {**CRFEntityExtractor.get_default_config(), **configured}
    # The tagger looks only at words here, but answers nothing without any featurizer.
    monkeypatch.setattr(Message, "features_present", lambda *_args, **_kwargs: True)
    theirs = CRFEntityExtractor.load(config, *stored, CONTEXT)
    with monkeypatch.context() as patch:
        patch.setattr(sklearn_crfsuite.CRF, "fit", None)
        ours = StoredCRFEntityExtractor.load(config, *stored, CONTEXT)
    expected = [found(theirs, text) for text in SENTENCES]
    assert expected == [found(ours, text) for text in SENTENCES]
    assert any(expected)
    assert CRFEntityExtractor.__name__ == ours.name

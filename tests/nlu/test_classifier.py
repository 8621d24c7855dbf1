"""The pipeline components of Gatehouse keep their promises without a trained assistant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from tests import rasa_import  # noqa: F401 - first, it quietens Rasa's imports

from gatehouse.dialogue.classifier import (  # isort: skip
    CarefulFallbackClassifier,
    DistinctEntities,
    WeightedIntentClassifier,
    distinct,
    sample_weights,
)
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from gatehouse.errors import IntegrityError, InvalidInput

CONFIG: dict[str, Any] = {"counted": {"words": 1.0}, "flagged": {"concepts": 0.5}}
VOCABULARY = ("salary", "leave", "show", "my")


def _message(text: str, intent: str | None = None) -> Message:
    counts = [[float(text.split().count(word)) for word in VOCABULARY]]
    flags = [[float("salary" in text), float("leave" in text)]]
    features = [
        Features(sparse.csr_matrix(values), kind, TEXT, alias)
        for alias, values in (("words", counts), ("concepts", flags))
        for kind in (FEATURE_TYPE_SEQUENCE, FEATURE_TYPE_SENTENCE)
    ]
    data = {TEXT: text} if intent is None else {TEXT: text, "intent": intent}
    return Message(data=data, features=features)


def _training_data() -> TrainingData:
    return TrainingData(
        [_message(text, "view_salary") for text in ("my salary", "show my salary", "salary")]
        + [_message(text, "request_leave") for text in ("my leave", "leave", "show leave")]
    )


@pytest.fixture
def storage(tmp_path: Path) -> LocalModelStorage:
    return LocalModelStorage(tmp_path)


RESOURCE = Resource("intents")


def _create(storage: LocalModelStorage) -> WeightedIntentClassifier:
    return WeightedIntentClassifier(CONFIG, storage, RESOURCE)


def _load(storage: LocalModelStorage) -> WeightedIntentClassifier:
    return WeightedIntentClassifier.load(CONFIG, storage, RESOURCE, None)  # type: ignore[arg-type]


def test_a_loaded_classifier_answers_as_the_trained_one(storage: LocalModelStorage) -> None:
    """What training stored gives the same ranking after loading."""
    trained = _create(storage)
    trained.train(_training_data())
    before, after = _message("show salary"), _message("show salary")
    trained.process([before])
    _load(storage).process([after])

    assert "view_salary" == after.get("intent")["name"]
    assert before.get("intent_ranking") == after.get("intent_ranking")
    assert 1.0 == pytest.approx(sum(item["confidence"] for item in after.get("intent_ranking")))


def test_one_message_is_scored_as_a_batch_is(storage: LocalModelStorage) -> None:
    """What is summed up for one message is what scikit-learn's own prediction says."""
    data = _training_data()
    data.training_examples += [_message(text, "greet") for text in ("my show", "show")]
    _create(storage).train(data)
    fast, batch = _load(storage), _load(storage)
    assert fast._scorer is not None
    batch._scorer = None
    for text in ("salary", "show my leave", "my my my salary leave", "words it does not know"):
        one, other = _message(text), _message(text)
        fast.process([one])
        batch.process([other])
        for mine, theirs in zip(
            one.get("intent_ranking"), other.get("intent_ranking"), strict=True
        ):
            assert theirs["name"] == mine["name"]
            assert theirs["confidence"] == pytest.approx(mine["confidence"], abs=1e-12)


def test_a_model_of_other_features_is_an_error(storage: LocalModelStorage) -> None:
    """Features that the model was not trained with are not summed up as if they were."""
    data = _training_data()
    data.training_examples += [_message("my", "greet"), _message("show", "greet")]
    _create(storage).train(data)
    wide = WeightedIntentClassifier.load(
        {**CONFIG, "flagged": {"concepts": 0.5, "words": 1.0}}, storage, RESOURCE, None
    )
    with pytest.raises(ValueError, match="10 features"):
        wide.process([_message("salary")])


def test_length_does_not_add_certainty(storage: LocalModelStorage) -> None:
    """Saying the same words more often does not change how sure the classifier is."""
    classifier = _create(storage)
    classifier.train(_training_data())
    once, often = _message("my salary"), _message("my salary my salary my salary")
    classifier.process([once, often])

    assert once.get("intent")["confidence"] == pytest.approx(often.get("intent")["confidence"])


def test_a_message_without_features_has_no_intent(storage: LocalModelStorage) -> None:
    """Nothing to read gives no intent at confidence 0, which the fallback turns into a question."""
    classifier = _create(storage)
    classifier.train(_training_data())
    empty = Message(data={TEXT: ""})
    classifier.process([empty])

    assert {"name": None, "confidence": 0.0} == empty.get("intent")


def test_an_absent_model_is_an_error(storage: LocalModelStorage) -> None:
    """No untrained classifier stands in for a model that is not there."""
    with pytest.raises(IntegrityError):
        _load(storage)


def test_a_damaged_model_is_an_error(storage: LocalModelStorage) -> None:
    """A model that was cut short is refused."""
    _create(storage).train(_training_data())
    with storage.write_to(RESOURCE) as directory:
        path = directory / "intents.skops"
        path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(IntegrityError):
        _load(storage)


def test_an_untrained_classifier_does_not_guess(storage: LocalModelStorage) -> None:
    """Asking before training is an error, not a guess."""
    with pytest.raises(IntegrityError):
        _create(storage).process([_message("salary")])


def test_one_intent_is_not_enough_to_train(storage: LocalModelStorage) -> None:
    """Training data with a single intent is refused."""
    with pytest.raises(InvalidInput):
        _create(storage).train(TrainingData([_message("my salary", "view_salary")]))


def test_an_unknown_alias_is_named(storage: LocalModelStorage) -> None:
    """A featurizer that config.yml does not have is named in the error."""
    classifier = WeightedIntentClassifier({"counted": {"absent": 1.0}}, storage, RESOURCE)
    with pytest.raises(InvalidInput, match="'absent'"):
        classifier.train(_training_data())


@pytest.mark.parametrize(("balance", "expected"), [(0.0, [1, 1, 1, 1]), (1.0, [2 / 3] * 3 + [2])])
def test_balance_lifts_rare_intents(balance: float, expected: list[float]) -> None:
    """Balance 0 leaves each phrase its weight; 1 gives each intent the same weight in sum."""
    np.testing.assert_allclose(sample_weights(["a", "a", "a", "b"], balance), expected)


@pytest.mark.parametrize(
    ("intent", "confidence", "expected"),
    [
        ("view_salary", 0.59, "nlu_fallback"),
        ("view_salary", 0.6, "view_salary"),
        ("greet", 0.5, "greet"),
        ("greet", 0.4, "nlu_fallback"),
        (None, 0.0, "nlu_fallback"),
    ],
)
def test_sensitive_intents_need_more_certainty(
    intent: str | None, confidence: float, expected: str
) -> None:
    """Below its own threshold a careful intent becomes a question, others below the common one."""
    careful = {"threshold": 0.6, "intents": ["view_salary"]}
    classifier = CarefulFallbackClassifier(
        {"threshold": 0.45, "ambiguity_threshold": 0.1, "careful": careful}
    )
    guess = {"name": intent, "confidence": confidence}
    message = Message(data={TEXT: "text", "intent": guess, "intent_ranking": [guess]})
    classifier.process([message])

    assert expected == message.get("intent")["name"]


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_careful_threshold_outside_its_range_is_refused(threshold: float) -> None:
    """A threshold is a confidence from 0 to 1."""
    with pytest.raises(InvalidInput):
        CarefulFallbackClassifier.validate_config(
            {"careful": {"threshold": threshold, "intents": []}}
        )


def _entity(name: str, start: int, end: int, extractor: str) -> dict[str, Any]:
    return {"entity": name, "start": start, "end": end, "extractor": extractor}


TAGGER, PATTERN = "CRFEntityExtractor", "RegexEntityExtractor"


def test_a_value_found_twice_is_kept_once() -> None:
    """Of overlapping entities the pattern's stays, of two patterns the longer; order is the text's."""
    short = _entity("period", 2, 6, PATTERN)
    whole = _entity("date", 0, 11, PATTERN)
    tagged = _entity("date", 0, 14, TAGGER)
    apart = _entity("person", 20, 24, TAGGER)

    assert [whole, apart] == distinct([apart, tagged, short, whole])


def test_messages_without_entities_stay_without() -> None:
    """No entity is made up for a message that has none."""
    message = Message(data={TEXT: "hello"})
    DistinctEntities().process([message])

    assert None is message.get("entities")

"""Pipeline components of `config.yml`: intents from weighted features, care, entities without overlap.

Rasa's own logistic regression sums raw counts, so a long message is judged with more certainty
than a short one and common letters outvote telling words: foreign and off-topic phrases reach
business intents with high confidence. Here counts become tf-idf weights of unit length per
featurizer, and an intent that shows or changes something of value needs more certainty than
others. Must never answer from a model that did not load whole, and never log a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import skops.io
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    EXTRACTOR,
    FEATURE_TYPE_SENTENCE,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from gatehouse.dialogue.scoring import Block, Scorer, weighted
from gatehouse.errors import IntegrityError, InvalidInput

MODEL_FILE = "intents.skops"
PATTERNS = "RegexEntityExtractor"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class WeightedIntentClassifier(GraphComponent, IntentClassifier):
    """Names the intent of a message, with a confidence from 0 to 1 and the next best ones.

    Configuration: `counted` maps the aliases of counting featurizers to the weight of their
    features, `flagged` those of featurizers that say yes or no. `strength` is the inverse of the
    regularisation, `balance` how far rare intents are lifted to the weight of common ones
    (0 not at all, 1 fully), `ranking_length` how many intents are reported.
    """

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "skops"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "counted": {"words": 1.0, "letters": 1.0},
            "flagged": {"concepts": 0.4},
            "strength": 30.0,
            "balance": 0.5,
            "max_iter": 300,
            "ranking_length": 10,
        }

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource
    ) -> None:
        self._config = {**self.get_default_config(), **config}
        self._storage = model_storage
        self._resource = resource
        self._weights: dict[str, TfidfTransformer] = {}
        self._linear: LogisticRegression | None = None
        self._scorer: Scorer | None = None

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> WeightedIntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit weights and model; raises `InvalidInput` when there are not two intents to tell apart."""
        examples = [m for m in training_data.intent_examples if self._has_features(m)]
        labels = [str(message.get(INTENT)) for message in examples]
        if len(set(labels)) < 2:
            raise InvalidInput("the training data names fewer than two intents")
        self._weights = {
            alias: TfidfTransformer(sublinear_tf=True).fit(self._counts(examples, alias))
            for alias in self._config["counted"]
        }
        self._linear = LogisticRegression(
            C=self._config["strength"], max_iter=self._config["max_iter"], random_state=0
        )
        self._linear.fit(
            self._matrix(examples),
            labels,
            sample_weight=sample_weights(labels, self._config["balance"]),
        )
        with self._storage.write_to(self._resource) as directory:
            skops.io.dump(
                {"weights": self._weights, "linear": self._linear}, directory / MODEL_FILE
            )
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> WeightedIntentClassifier:
        """The trained component; raises `IntegrityError` when its file is absent or holds foreign types."""
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as directory:
                stored = skops.io.load(directory / MODEL_FILE, trusted=[])
                component._weights = dict(stored["weights"])
                component._linear = stored["linear"]
                # Laid out for the product with a sparse row; otherwise each message copies it all.
                component._linear.coef_ = np.asfortranarray(component._linear.coef_)
                component._scorer = Scorer.of(component._linear)
        except Exception as error:
            raise IntegrityError(
                "the trained intent classifier cannot be read", "train the model again"
            ) from error
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking; a message without a feature gets no intent at confidence 0."""
        for message in messages:
            ranking = self._rank(message) if self._has_features(message) else []
            best = ranking[0] if ranking else _ranked(None, 0.0)
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def _rank(self, message: Message) -> list[dict[str, Any]]:
        if self._linear is None:
            raise IntegrityError("the intent classifier has not been trained")
        if self._scorer is None:
            confidences = self._linear.predict_proba(self._matrix([message]))[0]
        else:
            confidences = self._scorer.probabilities(self._blocks(message))
        order = np.argsort(-confidences, kind="stable")[: self._config["ranking_length"]]
        return [_ranked(str(self._linear.classes_[i]), float(confidences[i])) for i in order]

    def _matrix(self, messages: Sequence[Message]) -> sparse.csr_matrix:
        """One row per message: the counted groups weighted to unit length, then the flags."""
        blocks = [
            self._weights[alias].transform(self._counts(messages, alias)) * weight
            for alias, weight in self._config["counted"].items()
        ]
        blocks += [
            self._counts(messages, alias) * weight
            for alias, weight in self._config["flagged"].items()
        ]
        return sparse.hstack(blocks).tocsr()

    def _blocks(self, message: Message) -> list[Block]:
        """The same row, of one message."""
        counted = [
            weighted(Block.of(_features(message, alias)), self._weights[alias]).times(weight)
            for alias, weight in self._config["counted"].items()
        ]
        flagged = [
            Block.of(_features(message, alias)).times(weight)
            for alias, weight in self._config["flagged"].items()
        ]
        return counted + flagged

    def _counts(self, messages: Sequence[Message], alias: str) -> sparse.csr_matrix:
        rows = [sparse.csr_matrix(_features(message, alias)) for message in messages]
        return sparse.vstack(rows).tocsr()

    def _has_features(self, message: Message) -> bool:
        return bool(message.get(TEXT)) and any(_is_of_sentence(f) for f in message.features)


def _features(message: Message, alias: str) -> Any:
    """The sparse features of the whole text that the featurizer `alias` found."""
    # Not `get_sparse_features`, which copies them deeply.
    for features in message.features:
        if features.origin == alias and _is_of_sentence(features):
            return features.features
    raise InvalidInput(f"no featurizer of config.yml has the alias {alias!r}")


def _is_of_sentence(features: Features) -> bool:
    return bool(
        features.attribute == TEXT
        and features.type == FEATURE_TYPE_SENTENCE
        and features.is_sparse()
    )


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class CarefulFallbackClassifier(FallbackClassifier):
    """Rasa's fallback, with a higher threshold for some intents.

    Configuration as Rasa's, and `careful`: `threshold` (0 to 1) and the `intents` it holds for.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **FallbackClassifier.get_default_config(),
            "careful": {"threshold": 1.0, "intents": []},
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Raises `InvalidInput` when `careful` has other keys or a threshold outside 0 to 1."""
        careful = config.get("careful", {})
        if set(careful) != {"threshold", "intents"} or not 0 <= careful["threshold"] <= 1:
            raise InvalidInput("careful needs intents and a threshold from 0 to 1")

    def _should_fallback(self, message: Message) -> bool:
        careful = self.component_config["careful"]
        intent = message.data[INTENT]
        if (
            intent[INTENT_NAME_KEY] in careful["intents"]
            and intent[PREDICTED_CONFIDENCE_KEY] < careful["threshold"]
        ):
            return True
        return bool(super()._should_fallback(message))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class DistinctEntities(GraphComponent, EntityExtractorMixin):
    """Drops entities that overlap a better one: two extractors find the same value twice.

    A pattern's find is better than the tagger's, a longer one better than a shorter one.
    """

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DistinctEntities:
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            found = message.get(ENTITIES)
            if found:
                message.set(ENTITIES, distinct(found), add_to_output=True)
        return messages


def distinct(entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entities that do not overlap a better one, in the order of the text."""
    kept: list[dict[str, Any]] = []
    for entity in sorted(entities, key=_preference):
        if not any(_overlap(entity, other) for other in kept):
            kept.append(entity)
    return sorted(kept, key=lambda entity: int(entity[ENTITY_ATTRIBUTE_START]))


def _preference(entity: dict[str, Any]) -> tuple[bool, int]:
    length = entity[ENTITY_ATTRIBUTE_END] - entity[ENTITY_ATTRIBUTE_START]
    return entity.get(EXTRACTOR) != PATTERNS, -length


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(
        one[ENTITY_ATTRIBUTE_START] < other[ENTITY_ATTRIBUTE_END]
        and other[ENTITY_ATTRIBUTE_START] < one[ENTITY_ATTRIBUTE_END]
    )


def sample_weights(labels: Sequence[str], balance: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A weight per label, mean about 1: with `balance` 1 each intent counts the same in sum."""
    counts = Counter(labels)
    fair_share = len(labels) / len(counts)
    return np.array([(fair_share / counts[label]) ** balance for label in labels])


def _ranked(name: str | None, confidence: float) -> dict[str, Any]:
    return {INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: confidence}

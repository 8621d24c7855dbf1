"""Rasa's entity tagger, with the trained model kept instead of fitted again at every start.

`CRFEntityExtractor` of rasa 3.6.21 stores its training data and trains again whenever a model is
loaded, which takes seconds and tens of megabytes of every process. Here what training gave is stored
beside the data, in crfsuite's own format, which is data and no pickled code. Nothing else differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sklearn_crfsuite
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.crf_entity_extractor import CRFEntityExtractor, CRFToken
from rasa.shared.utils.io import read_json_file

_SUFFIX = ".crfsuite"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class StoredCRFEntityExtractor(CRFEntityExtractor):
    """`CRFEntityExtractor` that loads what it learned."""

    @property
    def name(self) -> str:
        """What entities say of who found them: the tagger is Rasa's."""
        return str(CRFEntityExtractor.__name__)

    def persist(self, dataset: list[list[CRFToken]]) -> None:
        """Store the training data as Rasa does, and each trained tagger."""
        super().persist(dataset)
        with self._model_storage.write_to(self._resource) as directory:
            for tag, tagger in (self.entity_taggers or {}).items():
                trained = Path(tagger.modelfile.name).read_bytes()
                (Path(directory) / f"{tag}{_SUFFIX}").write_bytes(trained)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CRFEntityExtractor:
        """The component as it was trained; a model without stored taggers is trained again."""
        try:
            with model_storage.read_from(resource) as directory:
                order = read_json_file(Path(directory) / "crf_order.json")
                stored = sorted(Path(directory).glob(f"*{_SUFFIX}"))
                taggers = {path.stem: _opened(path.read_bytes()) for path in stored}
        except (ValueError, OSError):
            taggers, order = {}, []
        if not taggers:
            return super().load(config, model_storage, resource, execution_context, **kwargs)
        # Second-level taggers use the tags of the first, so the order is part of the model.
        extractor = cls(
            config, model_storage, resource, {t: taggers[t] for t in order if t in taggers}
        )
        extractor.crf_order = order
        return extractor


def _opened(trained: bytes) -> sklearn_crfsuite.CRF:
    """A tagger over `trained`; it owns a temporary file, as one that was just trained does."""
    tagger = sklearn_crfsuite.CRF()
    tagger.modelfile.ensure_name()
    Path(tagger.modelfile.name).write_bytes(trained)
    return tagger

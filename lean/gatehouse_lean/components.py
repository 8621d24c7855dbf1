"""Says clearly that a configured component needs TensorFlow, before a training starts.

Written for Rasa 3.6.21, whose default recipe turns `config.yml` into a graph: every component that
a person configured, or that Rasa would add to an empty configuration, passes through
`graph_config_for_recipe`. Without this check the same mistake ends in a long traceback.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from gatehouse_lean.absent import TENSORFLOW
from gatehouse_lean.placeholder import is_placeholder

NEED_TENSORFLOW = {
    "DIETClassifier": "LogisticRegressionClassifier for intents, CRFEntityExtractor for entities",
    "ResponseSelector": "one intent per response",
    "TEDPolicy": "MemoizationPolicy and RulePolicy",
    "UnexpecTEDIntentPolicy": "RulePolicy",
    "ConveRTFeaturizer": "CountVectorsFeaturizer",
    "LanguageModelFeaturizer": "CountVectorsFeaturizer",
}


def configured(config: dict[str, Any]) -> Iterator[str]:
    """Names of the components in `pipeline` and `policies`, as written there."""
    for section in ("pipeline", "policies"):
        for item in config.get(section) or []:
            yield str(item.get("name", "")) if isinstance(item, dict) else str(item)


def adjust(recipe: ModuleType) -> None:
    """Check the configuration before the default recipe makes a graph of it."""
    original = recipe.DefaultV1Recipe.graph_config_for_recipe

    def needed_base(name: str) -> str | None:
        try:
            kind = recipe.DefaultV1Recipe._from_registry(name).clazz
        except (ImportError, AttributeError, recipe.RasaException):
            return None  # Rasa itself says what is wrong with the name
        return next((base.__name__ for base in kind.__mro__ if _is_rasas(base)), None)

    @functools.wraps(original)
    def graph_config_for_recipe(self: Any, config: dict[str, Any], *args: Any, **rest: Any) -> Any:
        if is_placeholder("tensorflow"):
            for name in configured(config):
                base = needed_base(name)
                if base is not None:
                    raise recipe.InvalidConfigException(_sentence(name, base))
        return original(self, config, *args, **rest)

    recipe.DefaultV1Recipe.graph_config_for_recipe = graph_config_for_recipe


def _is_rasas(kind: type) -> bool:
    return kind.__name__ in NEED_TENSORFLOW and kind.__module__.startswith("rasa.")


def _sentence(name: str, base: str) -> str:
    return (
        f"{name.rpartition('.')[2]} in the configuration needs TensorFlow, which is not installed "
        f"here. Use another component ({NEED_TENSORFLOW[base]}) or install TensorFlow: "
        f"pip install {TENSORFLOW.requirement} (lean/README.md says what to expect)."
    )

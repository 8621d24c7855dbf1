"""The probabilities of one message's intents, without what a call for a whole batch costs.

scikit-learn validates, copies and stacks a matrix for each call, which for a single short message
takes twenty times as long as the sum itself. It must give what `predict_proba` gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from scipy import sparse

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Block(NamedTuple):
    """The features of one message from one featurizer: which are not zero, and how many there are."""

    places: np.ndarray[Any, np.dtype[np.int32]]
    values: Floats
    width: int

    @classmethod
    def of(cls, features: Any) -> Self:
        """From a sparse matrix of one row."""
        row = sparse.csr_matrix(features)
        return cls(row.indices, row.data.astype(np.float64), row.shape[1])

    def times(self, factor: float) -> Block:
        return Block(self.places, self.values * factor, self.width)


class Weighting(Protocol):
    """The part of a fitted `TfidfTransformer` that is needed; its norm is "l2"."""

    idf_: Floats
    sublinear_tf: bool


class Scorer:
    """`LogisticRegression` with the softmax over more than two classes, for one row at a time."""

    def __init__(self, weights: Floats, offsets: Floats) -> None:
        # A column per class would be copied for each message; a row per feature is picked out.
        self._weights = np.ascontiguousarray(weights.T)
        self._offsets = offsets

    @classmethod
    def of(cls, linear: Any) -> Self | None:
        """The scorer of a fitted model; None for a kind whose probabilities are other ones."""
        softmax = getattr(linear, "multi_class", "auto") in ("auto", "deprecated", "multinomial")
        if not softmax or linear.solver == "liblinear" or len(linear.classes_) <= 2:
            return None
        return cls(linear.coef_, linear.intercept_)

    def probabilities(self, blocks: Sequence[Block]) -> Floats:
        """Per class, for the row that consists of `blocks` side by side. Raises `ValueError`."""
        width = sum(block.width for block in blocks)
        if width != len(self._weights):
            raise ValueError(f"{width} features, the model has {len(self._weights)}")
        scores = self._offsets.copy()
        start = 0
        for block in blocks:
            scores += block.values @ self._weights[block.places + start]
            start += block.width
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
        return scores


def weighted(counts: Block, weighting: Weighting) -> Block:
    """`counts` as `TfidfTransformer.transform` weights them."""
    values = np.log(counts.values) + 1.0 if weighting.sublinear_tf else counts.values.copy()
    values *= weighting.idf_[counts.places]
    length = np.sqrt(values @ values)
    return Block(counts.places, values / length if length else values, counts.width)

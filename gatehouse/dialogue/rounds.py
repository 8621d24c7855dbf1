"""How often one message was decided on, so that a dialogue that goes in circles ends.

Rasa counts the actions since the bot last listened; a form or fallback that takes a message back and
says it again begins a new count, and Rasa's loop then never ends (rasa 3.6.21,
rasa/core/processor.py, `is_action_limit_reached`). An assertion is signed for one message, so deciding
again and again under the same one is such a circle. Used from one event loop only.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

MOST = 5
"""A message is decided on once; a question back that is taken up says it once or twice more."""

_KEPT = 1000


class Rounds:
    """Counts of the latest messages."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def too_many(self, assertion: object) -> bool:
        """Count one decision under `assertion`; true when there were more than `MOST`."""
        key = hashlib.blake2b(repr(assertion).encode(), digest_size=16).digest()
        count = self._counts.pop(key, 0) + 1
        self._counts[key] = count
        while len(self._counts) > _KEPT:
            self._counts.popitem(last=False)
        return count > MOST

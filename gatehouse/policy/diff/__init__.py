"""What an edit of the policies changes: which decisions, for whom, and whether it opens anything.

The comparison is exact over everything that conditions can tell apart (`dimensions`), found by
fixing facts only as far as the two sets differ (`search`). It must never call an edit harmless
because it was too hard to look at: then it refuses with `TooLarge`.
"""

from gatehouse.policy.diff.compare import compare, verdict
from gatehouse.policy.diff.dimensions import TooLarge
from gatehouse.policy.diff.result import Change, Comparison, Kept
from gatehouse.policy.diff.strictness import Answer, Direction

__all__ = [
    "Answer",
    "Change",
    "Comparison",
    "Direction",
    "Kept",
    "TooLarge",
    "compare",
    "verdict",
]

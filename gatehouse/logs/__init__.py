"""Application logs: what the program is doing, never what people said.

Our own lines are constant words with a few fields that are allowed by name. Of every other library's
lines only what stands in its *source code* is shown, never a value of the moment. So no text, slot,
code, token, cookie or key can get into a log at any level, whoever writes the line. This is not the
audit log: nothing here is evidence.
"""

from gatehouse.logs.lines import get_logger
from gatehouse.logs.places import place_of
from gatehouse.logs.takeover import take_over

__all__ = ["get_logger", "place_of", "take_over"]

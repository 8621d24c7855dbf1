"""The log in forms that other systems read; each is a text line per entry.

None of them adds anything that the entry does not say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatehouse.audit.export import cef, jsonl, ocsf
from gatehouse.audit.reader import Entry

FORMATS: dict[str, Callable[[Entry, dict[str, Any], str], str]] = {
    "cef": cef.line,
    "jsonl": jsonl.line,
    "ocsf": ocsf.line,
}
"""What writes a line (without its end) from an entry, its body and the name of the log."""

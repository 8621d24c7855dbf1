"""Whether the end of a conversation was asked for by somebody who may, or written into its row.

An end that waits is carried out by whoever comes next, and cannot be taken back. So its row says
with a tag under a key of the ring who wrote it: who can write to the database alone has none. A
request without its tag must never be carried out, and never be taken for none.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from gatehouse.keys import KeyRing, associated_data

END: Final = "end"
ERASURE: Final = "erasure"
NONE: Final = {"end_requested_at": None, "end_reason": None, "end_proof": None}
"""The columns of a conversation whose end nobody asked for."""


class EndRequests:
    """Proves and checks requests under a key of `ring`."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._key: bytes | None = None  # the same for as long as there is this ring

    def columns(self, handle: str, reason: str, at: float) -> dict[str, Any]:
        """The columns of the conversation `handle` whose end is asked for `at` (epoch seconds)."""
        proof = self._proof(handle, reason, at)
        return {"end_requested_at": at, "end_reason": reason, "end_proof": proof}

    def genuine(self, row: Any) -> bool:
        """Whether what `row` says of an end, or of none, was written by `columns`."""
        found = (row.end_requested_at, row.end_reason, row.end_proof)
        if found == (None, None, None):
            return True
        if None in found or row.end_reason not in (END, ERASURE):
            return False
        wanted = self._proof(row.handle, row.end_reason, row.end_requested_at)
        return hmac.compare_digest(wanted, bytes(row.end_proof))

    def _proof(self, handle: str, reason: str, at: float) -> bytes:
        if self._key is None:
            self._key = self._ring.service_key("conversation-ends")
        place = associated_data(kind="end", conversation=handle, reason=reason, at=repr(float(at)))
        return hmac.digest(self._key, place, hashlib.sha256)

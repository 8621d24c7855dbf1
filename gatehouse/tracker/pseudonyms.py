"""How conversations and persons are called where the database can see it.

In the key ring a conversation is called by an HMAC of its id under a service key; that name lives
only in sealed pages and in a sealed column. In the database, tags are HMACs under the tag key of
the expiry day's bucket, so that once the bucket is gone not even membership can be confirmed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from gatehouse.keys import Entry, EnvelopeError, KeyRing, associated_data, seal, unseal
from gatehouse.tracker.errors import TrackerTampered
from gatehouse.tracker.schema import VERSION

_PURPOSE = "conversation-names"


@dataclass(frozen=True, slots=True)
class Sight:
    """What the key ring says of a conversation at one moment: its key, and the tag keys by day."""

    entry: Entry | None
    tag_keys: Mapping[int, bytes]

    def tags(self, conversation_id: str) -> list[bytes]:
        """The tags under which a row of the conversation may be found, one per living bucket."""
        return [_hmac(key, "conversation", conversation_id) for key in self.tag_keys.values()]

    def person_matches(self, tag: bytes | None, tag_day: int, person_id: str | None) -> bool:
        """Whether the column `person_tag` says `person_id`."""
        if tag is None or person_id is None:
            return tag is None and person_id is None
        key = self.tag_keys.get(tag_day)
        return key is not None and hmac.compare_digest(_hmac(key, "person", person_id), bytes(tag))


class Pseudonyms:
    """Names and tags, computed with the keys of `ring`."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._name_key: bytes | None = None  # the same for as long as there is this ring

    def ring_name(self, conversation_id: str) -> str:
        """What the conversation's key is called in the ring."""
        if self._name_key is None:
            self._name_key = self._ring.service_key(_PURPOSE)
        return _hmac(self._name_key, "name", conversation_id).hex()

    def sight(self, conversation_id: str) -> Sight:
        """What the key ring says of the conversation now."""
        return Sight(*self._ring.sight(self.ring_name(conversation_id)))

    def key_for_publishing(self) -> bytes:
        """The key of the pseudonyms that leave this deployment through an event broker."""
        return self._ring.service_key("event-broker")

    def conversation_tags(self, conversation_id: str) -> list[bytes]:
        """The tags under which a row of this conversation may be found, one per living bucket."""
        return Sight(None, self._ring.tag_keys()).tags(conversation_id)

    def person_tags(self, person_id: str) -> list[bytes]:
        """The tags under which rows of this person may be found."""
        return [_hmac(key, "person", person_id) for key in self._ring.tag_keys().values()]

    def columns(
        self, handle: str, conversation_id: str, person_id: str | None, expires_at: float
    ) -> dict[str, bytes | None]:
        """The columns `tag`, `person_tag` and `name` of a row that expires at `expires_at`."""
        key = self._ring.tag_key(expires_at)
        name = self.ring_name(conversation_id).encode()
        return {
            "tag": _hmac(key, "conversation", conversation_id),
            "person_tag": None if person_id is None else _hmac(key, "person", person_id),
            "name": seal(key, name, _place(handle)),
        }

    def opened_name(self, handle: str, tag_day: int, sealed: bytes) -> str | None:
        """The ring name in a row; None when its bucket is gone. Raises `TrackerTampered`."""
        key = self._ring.tag_keys().get(tag_day)
        if key is None:
            return None
        try:
            return unseal(key, bytes(sealed), _place(handle)).decode()
        except EnvelopeError as error:
            raise TrackerTampered("name_altered") from error

    def resealed_name(self, handle: str, tag_day: int, sealed: bytes) -> bytes:
        """The column `name` with its envelope made anew; as it is when its bucket is gone."""
        name = self.opened_name(handle, tag_day, sealed) if sealed else None
        if name is None:
            return sealed
        return seal(self._ring.tag_keys()[tag_day], name.encode(), _place(handle))


def _hmac(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{value}".encode(), hashlib.sha256)


def _place(handle: str) -> bytes:
    return associated_data(kind="name", conversation=handle, version=VERSION)

"""Who sends a request. Made from a session or a token that was proven, never from what a request says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.identity.devices import UNKNOWN, Device

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who sends a request, as the session and the directory say at this moment."""

    session: Session
    person: Person
    network_zone: str
    device: Device = UNKNOWN

"""How the key ring stands, for `gatehouse keys status`, metrics and the doctor.

Only reads. `status_of` must answer while the place of the roots is away; `check_of` asks it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from gatehouse.keys.keeper import Keeper
from gatehouse.keys.mirror_state import MirrorState
from gatehouse.keys.nodes import HELD, KEPT
from gatehouse.keys.tree import Known, load

_MOVING_ON: Final = 1.0


@dataclass(frozen=True, slots=True)
class RingStatus:
    """One look at the ring.

    `keys` are data keys in the buckets of expiry days, `held` copies under a legal hold, `kept`
    keys without expiry, `services` keys of the package itself. `rotated_at` is in epoch seconds.
    `root_error` is the last failure of the root in this process, None when it worked since.
    """

    home: str
    root: str
    format: int
    generation: int
    rotated_at: float
    buckets: int
    keys: int
    held: int
    kept: int
    services: int
    mirror: MirrorState | None
    root_error: str | None


@dataclass(frozen=True, slots=True)
class RingCheck:
    """What a full check found: keys that open, and roots of this ring besides the present one."""

    keys: int
    roots_left: int
    generation: int


def status_of(keeper: Keeper, *, live: bool = False) -> RingStatus:
    """The status, of the mirror as far as is known or, `live`, as it is now. Raises `KeyRingUnavailable`, `KeyRingDamaged` when the ring does not open."""
    with keeper.reading() as tree:
        known, top, keys = tree.known, keeper.shelf.top(), keeper.shelf.keys_in()
    assert top is not None  # or reading would have raised
    return RingStatus(
        home=keeper.shelf.kind,
        root=keeper.root.kind,
        format=top.format,
        generation=known.generation,
        rotated_at=top.rotated_at,
        buckets=len(tree.days()),
        keys=sum(count for day, count in keys.items() if day not in (HELD, KEPT)),
        held=keys.get(HELD, 0),
        kept=keys.get(KEPT, 0),
        services=len(known.top.services),
        mirror=keeper.follower.state(live=live) if keeper.follower else None,
        root_error=keeper.root.last_error,
    )


def check_of(keeper: Keeper) -> RingCheck:
    """Open everything anew, remembering nothing. Raises what is wrong."""
    with keeper.reading() as tree:
        load(keeper.shelf, keeper.root, Known())  # asks the root, whatever is known
        keys = tree.open_all()
    left = _roots_left(keeper)
    if left:  # perhaps another process is just moving on
        time.sleep(_MOVING_ON)
        left &= _roots_left(keeper)
    return RingCheck(keys=keys, roots_left=len(left), generation=tree.known.generation)


def _roots_left(keeper: Keeper) -> frozenset[str]:
    handles = keeper.roots()
    with keeper.reading() as tree:
        return handles - {tree.known.handle} - keeper.shelf.spares()

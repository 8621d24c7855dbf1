"""Keys that no day ends: copies under a legal hold, and kept keys of named things.

They lie in buckets of their own, so that nothing that looks for a living conversation ever finds
them. Only a release ends a hold, and only a destruction a kept key.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.keys.envelope import KEY_SIZE
from gatehouse.keys.errors import UnknownKey
from gatehouse.keys.keeper import Keeper
from gatehouse.keys.nodes import HELD, KEPT, Entry, digest_of
from gatehouse.keys.tree import Tree


class LastingKeys:
    """The part of the key ring that knows them."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock

    def hold(self, name: str, held_as: str) -> None:
        """Keep a second copy of the live key of `name`, called `held_as`, until `release`.

        Neither its expiry nor `destroy` ends that copy, and no other method answers from it: who
        may hold and read is for the caller to decide and to record. Holding again is no error.
        Raises `UnknownKey` when `name` has no live key, `InvalidInput` when another key is held
        under `held_as`.
        """
        now = self._clock.now()
        with self._keeper.writing() as tree:
            found, held = tree.find(name), tree.find_in(HELD, held_as)
            if found is None or not found[1].alive(now):
                raise UnknownKey("a key that should be held does not exist any more")
            if held is not None and held.key != found[1].key:
                raise InvalidInput("another key is held under this name")
            tree.put(HELD, held_as, found[1])

    def held(self, held_as: str) -> Entry | None:
        """The copy that `hold` made, whatever became of the original; None when there is none."""
        with self._keeper.reading() as tree:
            return tree.find_in(HELD, held_as)

    def release(self, held_as: Iterable[str]) -> int:
        """End held copies as `destroy` ends keys; how many there were."""
        held_as = set(held_as)

        def end(tree: Tree) -> int:
            found = [name for name in held_as if tree.find_in(HELD, name)]
            for name in found:
                tree.remove(HELD, digest_of(name))
            return len(found)

        return self._keeper.removing(end)

    def kept_key(self, name: str) -> bytes:
        """32 bytes made once for `name`, without expiry, until `destroy`."""
        key = self.find_kept(name)
        if key is None:
            with self._keeper.writing() as tree:
                entry = tree.find_in(KEPT, name)
                if entry is None:
                    entry = Entry(os.urandom(KEY_SIZE), 0.0, 0)
                    tree.put(KEPT, name, entry)
                key = entry.key
        return key

    def keep(self, name: str, key: bytes) -> None:
        """Keep `key` (32 bytes), which was used before anybody had to find it again, under `name`.

        Raises `InvalidInput` when there is another key of that name.
        """
        if len(key) != KEY_SIZE:
            raise ValueError(f"a key has {KEY_SIZE} bytes")
        with self._keeper.writing() as tree:
            entry = tree.find_in(KEPT, name)
            if entry is not None and entry.key != key:
                raise InvalidInput("another key is kept under this name")
            tree.put(KEPT, name, Entry(key, 0.0, 0))

    def find_kept(self, name: str) -> bytes | None:
        """The kept key of `name`; None when there is none."""
        with self._keeper.reading() as tree:
            entry = tree.find_in(KEPT, name)
        return entry.key if entry else None

"""The section about passwords that people may choose."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting


@dataclass(frozen=True)
class Passwords:
    """Which passwords may be chosen, beyond length and what everybody guesses first."""

    words: tuple[str, ...] = setting(
        (),
        "Names of your organisation, places, products: no password is made of them.",
        kind="list",
    )
    breached_file: str = setting(
        "", "Sorted file of SHA-1 hashes of stolen passwords, HASH or HASH:COUNT a line."
    )

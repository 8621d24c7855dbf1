"""What a mirror says of itself, for status, metrics and the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How the mirror stands.

    `synced_at` is when it was brought up to date last (epoch seconds; None when it cannot be
    read), `error` why it is not in step, `same_volume` whether it would be lost together with the
    ring.
    """

    place: str
    in_step: bool
    synced_at: float | None
    error: str | None
    same_volume: bool

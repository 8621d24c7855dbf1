"""The settings of front ends that are no browser: who registers them, and how long things last."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting

WHO = ("nobody", "operator", "people")


@dataclass(frozen=True)
class FrontEnds:
    """Front ends of people's own that talk to the API with access tokens; see docs/api.md."""

    registered_by: str = setting(
        "operator",
        "Who registers them: `nobody` (no token is given), `operator`, or `people` themselves as well, "
        "with password and second factor.",
        choices=WHO,
    )
    token: int = setting(
        "10m", "How long an access token is good; 15m at most.", kind="duration", high=900
    )
    session: int = setting(
        "1h",
        "How long tokens can be renewed before a second factor is needed again; 8h at most.",
        kind="duration",
        high=28800,
    )
    key: int = setting(
        "90d", "How long a registration lasts; 366d at most.", kind="duration", high=366 * 86400
    )
    overlap: int = setting(
        "24h",
        "How long a key goes on after its successor; 7d at most.",
        kind="duration",
        high=604800,
    )

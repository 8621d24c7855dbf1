"""What a decision record keeps of the facts that decided, and the request it can be turned back to.

Coarse on purpose: times since sign-in or a code in whole minutes, confidences in hundredths. What
a person said, values of slots and attributes of records are never kept, so a decision that hangs
on them cannot be made again, and `requests` says so by giving several possible ones or none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from gatehouse.policy.model import Principal, Request

VERSION = 1
_MINUTE = 60
_FINE = 0.01
_TEXTS = ("subject", "channel", "network_zone")
PERSON = ("department", "employment_type")
_COUNTS = ("refusals", "failed_codes")
_AGES = {"session_age": "session_minutes", "aal_age": "aal_minutes"}
_SHARES = ("confidence", "margin")


def recorded(request: Request, asked: Collection[str]) -> dict[str, Any]:
    """The facts of `request` for its audit entry; those that are not known are left out.

    Department and employment type, which could point to a person in a small organisation, are kept
    only when the rules in force ask for them (`asked`, see `PolicySet.facts`).
    """
    person = request.principal
    found: dict[str, Any] = {
        "facts": VERSION,
        "roles": sorted(person.roles),
        "served": None if request.served is None else sorted(request.served),
        "runners_up": None
        if request.runners_up is None
        else [f"{name} {_share(share):.2f}" for name, share in request.runners_up],
    }
    found.update({name: getattr(request, name) for name in (*_TEXTS, *_COUNTS)})
    found.update({name: getattr(person, name) for name in PERSON if name in asked})
    found.update({name: _share(getattr(request, name)) for name in _SHARES})
    for name, kept in _AGES.items():
        age = getattr(request, name)
        found[kept] = None if age is None or not math.isfinite(age) else int(age // _MINUTE)
    return {name: value for name, value in found.items() if value is not None}


def requests(entry: Mapping[str, Any]) -> Iterator[Request]:
    """The requests that may have led to a recorded decision: as little and as much as was rounded.

    None when the entry was written before its facts were kept. Raises `ValueError` when it is not
    a decision record.
    """
    if entry.get("facts") != VERSION:
        return
    try:
        ends = [_ends(entry, name) for name in ("session_age", "aal_age")]
        for session, factor in itertools.product(*ends):
            for nearest in (False, True):
                yield _request(entry, session, factor, nearest=nearest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a decision record") from error


def _request(
    entry: Mapping[str, Any], session: float | None, factor: float | None, *, nearest: bool
) -> Request:
    """With `nearest` the runners-up are as close as they can have been, else as far."""
    served = entry.get("served")
    won, lead = entry.get("confidence"), entry.get("margin")
    ranked = entry.get("runners_up")
    up = 0.0 if nearest else _FINE - 1e-9
    return Request(
        principal=Principal(
            id="recorded",
            roles=frozenset(map(str, entry["roles"])),
            department=entry.get("department"),
            employment_type=entry.get("employment_type"),
        ),
        intent=str(entry["intent"]),
        at=datetime.fromisoformat(str(entry["at"])),
        subject=entry.get("subject"),
        channel=entry.get("channel"),
        network_zone=entry.get("network_zone"),
        session_age=session,
        aal=entry.get("aal"),
        aal_age=factor,
        confidence=None if won is None else min(won + up, 1.0),
        margin=None if lead is None else min(lead + up, 1.0),
        runners_up=None if ranked is None else tuple(_ranked(item, up) for item in ranked),
        refusals=entry.get("refusals"),
        failed_codes=entry.get("failed_codes"),
        served=None if served is None else frozenset(map(str, served)),
        stage="resource" if entry["stage"] == "resource" else "intent",
    )


def _ranked(item: str, up: float) -> tuple[str, float]:
    name, _, share = str(item).rpartition(" ")
    return name, min(float(share) + _FINE - 1e-9 - up, 1.0)


def _ends(entry: Mapping[str, Any], name: str) -> list[float | None]:
    minutes = entry.get(_AGES[name])
    if minutes is None:
        return [None]
    return [float(minutes * _MINUTE), float(minutes * _MINUTE + _MINUTE) - 1e-3]


def _share(number: float | None) -> float | None:
    """Rounded down to hundredths."""
    if number is None or not math.isfinite(number):
        return None
    return math.floor(number / _FINE + 1e-9) / 100

"""The OpenID Connect provider, where people sign in at one: whether it answers and fits."""

from __future__ import annotations

from collections.abc import Iterator

from gatehouse.ops.doctor.finding import Finding, bad, good
from gatehouse.ops.doctor.subject import Subject


def look(subject: Subject) -> Iterator[Finding]:
    if not subject.settings.provider.issuer:
        yield good("provider.none", "people sign in with passwords")
        return
    from gatehouse.identity.provider.check import look as ask

    for found in ask(subject.settings, subject.clock):
        if found.good:
            yield good("provider.fits", found.what)
        else:
            yield bad("provider.unfit", found.what, found.remedy or "gatehouse settings")

"""What is left of the demonstration; a production server refuses to start with any of it."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from gatehouse.identity.schema import people
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting
from gatehouse.ops.doctor.subject import Subject
from gatehouse.production import demo_marker

_FRESH = "gatehouse init   # in a fresh home directory, named by GATEHOUSE_HOME"


def look(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    found = bad if subject.production else advice
    marked = demo_marker(settings).exists()
    if marked:
        yield found("demo.keys", "the keys were made for the demonstration", _FRESH)
    with subject.connection(settings.database_url(settings.database)) as connection:
        query = sa.select(sa.func.count()).select_from(people).where(people.c.demo)
        number = connection.execute(query).scalar_one()
    if number:
        what = f"{number} accounts of the demonstration can sign in"
        yield found("demo.people", what, _FRESH)
    if not subject.production and not marked and not number:
        what = "the profile is development, without demo data"
        yield advice("demo.profile", what, setting("server.profile", '"production"'))
    if subject.production and not marked and not number:
        yield good("demo.none", "nothing of the demonstration is left")

"""Whether what has expired is also gone: a purge that does not run leaves rows and keys behind."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from gatehouse.ops.doctor.finding import Finding, bad, good
from gatehouse.ops.doctor.subject import Subject
from gatehouse.tracker.schema import conversations

_LATE = 300.0  # seconds beside three purges
_MEND = "gatehouse purge"


def look(subject: Subject) -> Iterator[Finding]:
    settings, c = subject.settings, conversations.c
    now = subject.clock.now()
    with subject.connection(settings.database_url(settings.database)) as connection:
        oldest = connection.execute(
            sa.select(sa.func.min(c.expires_at)).where(c.closed_at.is_(None))
        ).scalar()
        asked = connection.execute(sa.select(sa.func.min(c.end_requested_at))).scalar()
    late = max(3.0 * settings.retention.purge_interval, _LATE)
    overdue = 0.0 if oldest is None else now - oldest
    waiting = 0.0 if asked is None else now - asked
    if overdue > late:
        what = f"a conversation that expired {overdue:.0f} s ago is still there (unreadable)"
        yield bad("purge.late", what, _MEND)
    if waiting > late:
        what = f"an end or erasure that was asked for {waiting:.0f} s ago was not carried out"
        yield bad("purge.unfinished", what, _MEND)
    if overdue <= late and waiting <= late:
        yield good("purge.done", "what expired is gone")

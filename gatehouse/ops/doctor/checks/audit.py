"""The audit log: append-only triggers, how far it is signed, and whether its witnesses follow.

Compares what log and witnesses say, and whether no entry is missing; whether entries are what was written is `gatehouse audit verify`.
"""

from __future__ import annotations

import json
import shlex
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.audit.schema import checkpoints, entries
from gatehouse.ops.doctor.finding import Finding, advice, bad, good, setting, unknown
from gatehouse.ops.doctor.subject import ANSWER, Subject, sqlite_path

_VERIFY = "gatehouse audit verify"
_TRIGGERS = 6  # SQLite: three for each of the two tables; PostgreSQL has one for each


def look(subject: Subject) -> Iterator[Finding]:
    audit = subject.settings.audit
    url = subject.settings.database_url(audit)
    with subject.connection(url) as connection:
        ends = sa.select(sa.func.max(entries.c.sequence), sa.func.count(entries.c.sequence))
        size, there = connection.execute(ends).one()
        size = size or 0
        newest = sa.select(checkpoints.c.size).order_by(checkpoints.c.number.desc()).limit(1)
        signed = connection.execute(newest).scalar() or 0
        triggers = _triggers(connection)
    if triggers:
        yield good("audit.append_only", f"the log is append-only and has {size} entries")
    else:
        what = "the triggers that keep the log append-only are missing"
        yield bad("audit.no_triggers", what, _VERIFY, altered=True)
    if there != size:
        what = f"{size - there} entries are missing in the log"
        yield bad("audit.holes", what, _VERIFY, altered=True)
    if signed > size:
        what = f"checkpoints vouch for {signed} entries, the log has {size}"
        yield bad("audit.shorter", what, _VERIFY, altered=True)
    elif size - signed > 2 * audit.checkpoint_entries:
        what = f"{size - signed} entries have no checkpoint"
        yield bad("audit.unsigned", what, "gatehouse audit checkpoint")
    if audit.witness_file:
        yield from _file(subject, subject.settings.path(audit.witness_file), size, signed)
    if audit.witness_url:
        yield _reachable(audit.witness_url)
    if not audit.witness_file and not audit.witness_url:
        mend = setting("audit.witness_file", '"/directory/on/another/volume/audit.jsonl"')
        yield advice("audit.no_witness", "nobody but the database remembers the log", mend)


def _triggers(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        query = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE :t"
        found = connection.execute(sa.text(query), {"t": "gh_audit%"}).scalar_one()
        return bool(found >= _TRIGGERS)
    query = (
        "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'gh_audit%append_only'"
        " AND tgenabled <> 'D'"
    )
    return bool(connection.execute(sa.text(query)).scalar_one() >= _TRIGGERS // 3)


def _file(subject: Subject, path: Path, size: int, signed: int) -> Iterator[Finding]:
    if not path.exists():
        if signed:
            what = f"the witness file is gone, although {signed} entries are signed"
            yield bad("audit.witness_gone", what, f"findmnt -T {shlex.quote(str(path.parent))}")
        return
    try:
        last = path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]
        seen = int(json.loads(last)["checkpoint"].split("\n")[1])
    except (ValueError, KeyError, IndexError, AttributeError):
        what = "the last line of the witness file cannot be read"
        yield bad("audit.witness_damaged", what, _VERIFY, altered=True)
        return
    if seen > size:
        what = f"the witness saw {seen} entries, the log has {size}: it was put back"
        yield bad("audit.put_back", what, _VERIFY, altered=True)
    elif seen < signed:
        what = (
            f"the witness file is {signed - seen} entries behind: it was away, or is an older copy"
        )
        yield bad("audit.witness_behind", what, "gatehouse audit checkpoint")
    else:
        yield good("audit.witness", f"the witness file remembers {seen} entries")
    database = sqlite_path(subject.settings.database_url(subject.settings.audit))
    near = database is not None and database.exists()
    if near and database and path.stat().st_dev == database.stat().st_dev:
        mend = setting("audit.witness_file", '"/directory/on/another/volume/audit.jsonl"')
        what = "the witness file is on the volume of the log: who loses one loses both"
        yield advice("audit.witness_near", what, mend)


def _reachable(url: str) -> Finding:
    parts = urlsplit(url)
    where = (parts.hostname or "", parts.port or 443)
    mend = f"curl -sS -o /dev/null {parts.scheme}://{parts.netloc}/"
    try:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = (
            False,
            ssl.CERT_NONE,
        )  # only whether it is there
        with socket.create_connection(where, timeout=ANSWER) as raw:
            context.wrap_socket(raw, server_hostname=where[0]).close()
    except (OSError, ValueError):
        return unknown(
            "audit.witness_away", "the witness of audit.witness_url does not answer", mend
        )
    return good("audit.witness_answers", "the witness of audit.witness_url answers")

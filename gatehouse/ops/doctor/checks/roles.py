"""PostgreSQL: transport, what the role may do, and the settings that expiry and durability rest on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from gatehouse.ops.doctor.finding import Finding, advice, bad, good
from gatehouse.ops.doctor.subject import Subject, sqlite_path

_LOG = "gh_audit"


def look(subject: Subject) -> Iterator[Finding]:
    servers = {n: u for n, u in subject.databases().items() if sqlite_path(u) is None}
    if not servers:
        yield good("roles.files", "no database server: files protect the databases")
        return
    for name, url in servers.items():
        with subject.connection(url) as connection:
            found = [*_transport(connection, name, url), *_role(connection, name)]
            if name == "audit":
                found += _may_rewrite(connection)
            found += _settings(connection, name)
        yield from found
        if not found:
            yield good(
                "roles.server", f"{name}: transport, role and settings are as they should be"
            )


def _one(connection: Connection, query: str) -> Any:
    return connection.execute(sa.text(query)).first()


def _transport(connection: Connection, name: str, url: str) -> Iterator[Finding]:
    row = _one(
        connection,
        "SELECT s.ssl, a.client_addr FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
        " WHERE s.pid = pg_backend_pid()",
    )
    local = row is None or row[1] is None or str(row[1]).startswith(("127.", "::1"))
    if local:
        return
    if not row[0]:
        mend = f"add ?sslmode=verify-full to {name}.url"
        yield bad("roles.no_tls", f"{name}: the connection is not encrypted", mend)
    elif make_url(url).query.get("sslmode") != "verify-full":
        mend = f"add ?sslmode=verify-full to {name}.url"
        yield advice("roles.tls", f"{name}: the server's certificate is not verified", mend)


def _role(connection: Connection, name: str) -> Iterator[Finding]:
    role, superuser, bypasses, makes = _one(
        connection,
        "SELECT rolname, rolsuper, rolbypassrls OR rolreplication, rolcreaterole"
        " FROM pg_roles WHERE rolname = current_user",
    )
    if superuser or bypasses or makes:
        rights = "NOSUPERUSER NOCREATEROLE NOBYPASSRLS NOREPLICATION"
        what = f"{name}: the role {role} is more than a user of its tables"
        yield bad("roles.superuser", what, f'psql -c "ALTER ROLE {role} {rights}"')


def _may_rewrite(connection: Connection) -> Iterator[Finding]:
    if _one(connection, f"SELECT to_regclass('{_LOG}')")[0] is None:
        return
    may, owner, role = _one(
        connection,
        f"SELECT has_table_privilege('{_LOG}', 'UPDATE') OR has_table_privilege('{_LOG}', 'DELETE')"
        f" OR has_table_privilege('{_LOG}', 'TRUNCATE'),"
        f" pg_get_userbyid(relowner) = current_user, current_user"
        f" FROM pg_class WHERE oid = to_regclass('{_LOG}')",
    )
    if may or owner:
        what = "audit: the role of the server may change what it wrote"
        mend = f"gatehouse database roles --server {role} | psql   # as the owner of the tables"
        yield advice("roles.audit", what, mend)


def _settings(connection: Connection, name: str) -> Iterator[Finding]:
    values = dict(
        connection.execute(
            sa.text(
                "SELECT name, setting FROM pg_settings WHERE name IN"
                " ('autovacuum', 'fsync', 'full_page_writes', 'synchronous_commit')"
            )
        ).all()
    )
    for key in ("fsync", "full_page_writes", "autovacuum"):
        if values.get(key) == "off":
            what = f"{name}: {key} is off"
            mend = f'psql -c "ALTER SYSTEM SET {key} = on" -c "SELECT pg_reload_conf()"'
            yield bad(f"roles.{key}", what, mend)
    if values.get("synchronous_commit") == "off":
        what = f"{name}: what was acknowledged may be lost (synchronous_commit is off)"
        mend = 'psql -c "ALTER SYSTEM SET synchronous_commit = on" -c "SELECT pg_reload_conf()"'
        yield bad("roles.synchronous_commit", what, mend)

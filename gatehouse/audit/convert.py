"""Brings a log from before the tree into it: verified first, then sealed, in one transaction.

Every entry keeps its body and its place. An entry of the kind `log_converted` after them says how
many there were and what their last chain value was. A log that does not verify is left as it is.
"""

from __future__ import annotations

import hmac

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gatehouse.audit import schema
from gatehouse.audit.chain import GENESIS, Chain, link_v1
from gatehouse.audit.errors import AuditTampered
from gatehouse.audit.tree import Frontier, leaf_hash

_OLD = "gh_audit_v1"
_BATCH = 1000


def convert(connection: Connection, old_key: bytes, chain: Chain) -> tuple[int, bytes] | None:
    """Convert the log in the transaction of `connection`; size and last old chain value.

    None when there is nothing to convert. Raises `AuditTampered` when the old log is not whole.
    """
    schema.serialise_writers(connection)
    if not schema.is_before_the_tree(connection):
        return None
    _step_aside(connection)
    schema.metadata.create_all(connection)
    frontier = Frontier()
    old_chain, new_chain = GENESIS, GENESIS
    while True:
        rows = connection.execute(
            sa.text(
                f"SELECT sequence, body, chain FROM {_OLD} WHERE sequence > :after "
                "ORDER BY sequence LIMIT :batch"
            ),
            {"after": frontier.size, "batch": _BATCH},
        ).all()
        if not rows:
            break
        sealed = []
        for sequence, body, value in rows:
            number = frontier.size + 1
            if sequence != number:
                raise AuditTampered(number, f"is missing; the next one present is {sequence}")
            old_chain = link_v1(old_key, old_chain, body)
            if not hmac.compare_digest(old_chain, bytes(value)):
                raise AuditTampered(number, "does not follow from the entries before it")
            data = body.encode("ascii")
            new_chain = chain.link(number, new_chain, data)
            node = frontier.push(leaf_hash(data))
            sealed.append({"sequence": number, "body": body, "chain": new_chain, "node": node})
        connection.execute(schema.entries.insert(), sealed)
    connection.exec_driver_sql(f"DROP TABLE {_OLD}")
    schema.protect(connection)
    return frontier.size, old_chain


def _step_aside(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        schema.drop_sqlite_triggers(connection, schema.entries.name)
    else:
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS gh_audit_append_only ON gh_audit")
    connection.exec_driver_sql(f"ALTER TABLE gh_audit RENAME TO {_OLD}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER INDEX gh_audit_pkey RENAME TO {_OLD}_pkey")

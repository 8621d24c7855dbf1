"""What each service account may do in PostgreSQL: SQL that the owner of the database runs.

Five accounts, none with more than its work needs: the *owner* changes tables and signs in for updates only;
the *server* reads and writes rows; *purge* (for those who run it from cron) deletes what expired and cannot
write a person or a factor; *backup* reads; an *auditor* reads the log and nothing else. Nobody but the owner
can make, alter, empty or drop a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatehouse.errors import InvalidInput

VERSION = "gh_schema_version"
LOG = ("gh_audit", "gh_audit_checkpoints")

PURGE_WRITES = (
    "gh_code_throttle",
    "gh_conversation_state",
    "gh_conversations",
    "gh_factor_notices",
    "gh_factor_resets",
    "gh_holds",
    "gh_provider_seen",
    "gh_provider_sessions",
    "gh_records",
    "gh_sessions",
    "gh_sign_in_throttle",
    "gh_snapshots",
    "gh_step_up_challenges",
    "gh_step_up_grants",
    "gh_used_ids",
    "gh_webhooks_received",
    "gh_wrong_codes",
)
"""What an expiry changes, and the key ring where it is in the database; a new table is not among them."""

PURGE_ONLY_DELETES = (
    "gh_authenticators",
    "gh_code_deliveries",
    "gh_enrolment_tickets",
    "gh_front_end_keys",
)
"""What an expiry takes away and must not be able to make."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The names of the roles; "" for one that is not used. They have to exist."""

    server: str
    purge: str = ""
    backup: str = ""
    auditor: str = ""


def roles_sql(accounts: Accounts) -> str:
    """SQL for the main database, and for the log where it is in the same one; harmless to run again.

    Raises `InvalidInput` for a name that is not a plain identifier, or is given twice.
    """
    names = [
        name
        for name in (accounts.server, accounts.purge, accounts.backup, accounts.auditor)
        if name
    ]
    for name in names:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise InvalidInput(
                f"{name!r} cannot be used as the name of a role",
                "small letters, digits and underscores",
            )
    if len(set(names)) != len(names):
        raise InvalidInput("each account needs a role of its own")
    log, writes = _listed(LOG), _listed(PURGE_WRITES)
    everybody = ", ".join(names)
    lines = [
        *(
            "BEGIN;",
            "DO $roles$",
            "DECLARE",
            "  schema text := current_schema();",
            "  item record;",
        ),
        "BEGIN",
        "  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', schema);",
        f"  EXECUTE format('REVOKE ALL ON SCHEMA %I FROM {everybody}', schema);",
        f"  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {everybody}', schema);",
        "  FOR item IN SELECT tablename AS name FROM pg_tables",
        "    WHERE schemaname = schema AND tablename LIKE 'gh\\_%' LOOP",
        f"    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, {everybody}', item.name);",
        f"    IF item.name IN ({log}) THEN",
        _grant("SELECT, INSERT", ", ".join(filter(None, (accounts.server, accounts.purge)))),
        _grant("SELECT", ", ".join(filter(None, (accounts.backup, accounts.auditor)))),
        f"    ELSIF item.name = '{VERSION}' THEN",
        _grant(
            "SELECT",
            ", ".join(filter(None, (accounts.server, accounts.purge, accounts.backup))),
        ),
        "    ELSE",
        _grant("SELECT, INSERT, UPDATE, DELETE", accounts.server),
        _grant("SELECT", accounts.backup),
        _grant("SELECT", accounts.purge),
        f"      IF item.name IN ({writes}) OR item.name LIKE 'gh\\_ring\\_%' THEN"
        if accounts.purge
        else "",
        "  " + _grant("INSERT, UPDATE, DELETE", accounts.purge) if accounts.purge else "",
        "      END IF;" if accounts.purge else "",
        f"      IF item.name IN ({_listed(PURGE_ONLY_DELETES)}) THEN" if accounts.purge else "",
        "  " + _grant("DELETE", accounts.purge) if accounts.purge else "",
        "      END IF;" if accounts.purge else "",
        *("    END IF;", "  END LOOP;", "END", "$roles$;", "COMMIT;"),
    ]
    return "\n".join(line for line in lines if line.strip()) + "\n"


def _grant(rights: str, names: str) -> str:
    if not names:
        return ""
    return f"      EXECUTE format('GRANT {rights} ON %I TO {names}', item.name);"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)

"""The tables of people, sessions, sign-in throttling and of what is known of a provider's people.

Passwords are stored as Argon2id hashes, session tokens as SHA-256 digests, throttle keys as keyed
hashes and conversation ids sealed: reading the database must never be enough to be somebody. No
column may hold a password, a token or a conversation id in the clear.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

people = sa.Table(
    "gh_people",
    metadata,
    sa.Column("id", sa.String(14), primary_key=True),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("display_name", sa.String(200), nullable=False),
    # One column, so that a reader sees all of a person's roles or none of a change.
    sa.Column("roles", sa.String(500), nullable=False),
    sa.Column("department", sa.String(200), nullable=False),
    sa.Column("employment_type", sa.String(64), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.String(300), nullable=False),
    sa.Column("password_set_at", sa.Float(53), nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
)

sessions = sa.Table(
    "gh_sessions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("person_id", sa.String(14), nullable=False, index=True),
    sa.Column("conversation", sa.LargeBinary, nullable=False),
    sa.Column("started_at", sa.Float(53), nullable=False),
    sa.Column("last_seen_at", sa.Float(53), nullable=False),
    sa.Column("aal", sa.Integer, nullable=False),
    sa.Column("aal_at", sa.Float(53), nullable=True),
    sa.Column("ended_at", sa.Float(53), nullable=True),
    sa.Column("ended_reason", sa.String(16), nullable=False),
    # What a person would call the browser, and a keyed hash of what it calls itself.
    sa.Column("browser", sa.String(40), nullable=False, server_default=""),
    sa.Column("browser_tag", sa.String(64), nullable=False, server_default=""),
    # The front end whose access token this is, and what the token is good for; "" for a browser.
    sa.Column("client", sa.String(32), nullable=False, server_default="", index=True),
    sa.Column("terms", sa.String(400), nullable=False, server_default=""),
)

# Front ends of people: a client of its own for one person, one place and a few scopes.
front_ends = sa.Table(
    "gh_front_ends",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(14), nullable=False, index=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("domain", sa.String(120), nullable=False),
    sa.Column("scopes", sa.String(80), nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False),
    sa.Column("revoked_at", sa.Float(53), nullable=True),
    sa.Column("last_used_at", sa.Float(53), nullable=True),
    # The authenticator whose code was good here last; decides which counter a code falls into.
    sa.Column("confirmed_with", sa.String(80), nullable=False),
    # A keyed hash over what must not change: a row that somebody wrote opens nothing.
    sa.Column("tag", sa.String(64), nullable=False),
)

# Their public keys. The id is the thumbprint of the key (RFC 7638), so that a key has one owner.
front_end_keys = sa.Table(
    "gh_front_end_keys",
    metadata,
    sa.Column("id", sa.String(43), primary_key=True),
    sa.Column("front_end", sa.String(32), nullable=False, index=True),
    sa.Column("jwk", sa.String(300), nullable=False),
    sa.Column("added_at", sa.Float(53), nullable=False),
    sa.Column("ends_at", sa.Float(53), nullable=False),
    sa.Column("tag", sa.String(64), nullable=False),
)

# What may be shown once and was: keyed hashes of the ids of signed requests, until they are stale.
used_ids = sa.Table(
    "gh_used_ids",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("until", sa.Float(53), nullable=False, index=True),
)

# Who is who at the provider. Subjects and its sessions are keyed hashes, and `mac` binds a row to its
# person: a row that was written or moved by somebody without the key links nobody.
provider_links = sa.Table(
    "gh_provider_links",
    metadata,
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("person_id", sa.String(14), nullable=False, unique=True),
    sa.Column("linked_at", sa.Float(53), nullable=False),
    sa.Column("mac", sa.String(64), nullable=False),
)

provider_sessions = sa.Table(
    "gh_provider_sessions",
    metadata,
    sa.Column("session_id", sa.String(32), primary_key=True),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("provider_session", sa.String(64), nullable=False, index=True),
)

provider_seen = sa.Table(
    "gh_provider_seen",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("until", sa.Float(53), nullable=False),
)


def throttle_table(name: str, metadata: sa.MetaData) -> sa.Table:
    """A table for `gatehouse.identity.throttle.Throttle`."""
    return sa.Table(
        name,
        metadata,
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", sa.Float(53), nullable=False),
        sa.Column("last_at", sa.Float(53), nullable=False),
    )


sign_in_throttle = throttle_table("gh_sign_in_throttle", metadata)

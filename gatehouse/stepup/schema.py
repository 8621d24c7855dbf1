"""The tables of second factors, challenges and grants.

What a challenge or grant is about (intent, values, prompt, how to resume) is stored sealed; people,
sessions, conversations and messages appear as keyed hashes only, so that these rows cannot be
joined with any other table. No column may ever hold a code or a seed in the clear.
"""

from __future__ import annotations

import sqlalchemy as sa

from gatehouse.identity.schema import throttle_table

metadata = sa.MetaData()

authenticators = sa.Table(
    "gh_authenticators",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, index=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    # The seed, the passkey's public key or the address, whatever the kind needs.
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("confirmed_at", sa.Float(53), nullable=True),
    # The last time step whose code was used, or the last signature counter; only what is above is good.
    sa.Column("last_step", sa.BigInteger, nullable=False),
    # A passkey: keyed hash of the request it last signed for, and of its credential id.
    sa.Column("last_about", sa.String(64), nullable=False),
    sa.Column("credential", sa.String(64), nullable=True, unique=True),
    # A passkey that can be copied to other devices: "", "eligible" or "backed_up".
    sa.Column("backup", sa.String(10), nullable=False),
    sa.Column("suspended_at", sa.Float(53), nullable=True),
    sa.Column("last_used_at", sa.Float(53), nullable=True),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
    # Of an enrolment that waits for its first code: until when, in which session, how many tries.
    sa.Column("expires_at", sa.Float(53), nullable=True),
    sa.Column("session_tag", sa.String(64), nullable=False),
    sa.Column("tries_left", sa.Integer, nullable=False),
)

# One enrolment waits per person and session, also when two begin at once.
sa.Index(
    "gh_authenticators_one_pending",
    authenticators.c.person_id,
    authenticators.c.session_tag,
    unique=True,
    sqlite_where=authenticators.c.confirmed_at.is_(None),
    postgresql_where=authenticators.c.confirmed_at.is_(None),
)

# What the wrong codes of a person are counted under; a reset gives a new one.
accounts = sa.Table(
    "gh_factor_accounts",
    metadata,
    sa.Column("person_id", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(32), nullable=False),
)

# Keyed hashes of the tickets with which somebody without any factor may set up the first one.
tickets = sa.Table(
    "gh_enrolment_tickets",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, index=True),
    sa.Column("expires_at", sa.Float(53), nullable=False),
    sa.Column("used_at", sa.Float(53), nullable=True),
)

challenges = sa.Table(
    "gh_step_up_challenges",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conversation_tag", sa.String(64), nullable=False, index=True),
    sa.Column("session_tag", sa.String(64), nullable=False, index=True),
    sa.Column("person_tag", sa.String(64), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False, index=True),
    sa.Column("attempts_left", sa.Integer, nullable=False),
    # pending, passed, cancelled, replaced, expired
    sa.Column("state", sa.String(10), nullable=False),
    # The time step of the code that passed it; tells a person's own second click from a replay.
    sa.Column("step", sa.BigInteger, nullable=True),
)

# One conversation waits for one code at most, also when two requests arrive at once.
sa.Index(
    "gh_step_up_one_pending",
    challenges.c.conversation_tag,
    unique=True,
    sqlite_where=challenges.c.state == "pending",
    postgresql_where=challenges.c.state == "pending",
)

grants = sa.Table(
    "gh_step_up_grants",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conversation_tag", sa.String(64), nullable=False, index=True),
    sa.Column("session_tag", sa.String(64), nullable=False, index=True),
    sa.Column("person_tag", sa.String(64), nullable=False),
    # Keyed hash of person, session, conversation, intent, values and nonce: what was approved.
    sa.Column("binding", sa.String(64), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("granted_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False, index=True),
    # Empty until the first use; then only this message may use it.
    sa.Column("message_tag", sa.String(64), nullable=False),
)

code_throttle = throttle_table("gh_code_throttle", metadata)

# Keyed hashes of recovery codes; a used one stays, so that using it again is told from a guess.
recovery_codes = sa.Table(
    "gh_recovery_codes",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, index=True),
    sa.Column("used_at", sa.Float(53), nullable=True),
)

# How many wrong codes were looked at on which day (days since the epoch), for the yearly bound.
wrong_codes = sa.Table(
    "gh_wrong_codes",
    metadata,
    sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("wrong", sa.Integer, nullable=False),
)

# Codes that were sent: for which request, where to, how often; the code itself is nowhere.
deliveries = sa.Table(
    "gh_code_deliveries",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("authenticator_id", sa.String(32), nullable=False),
    sa.Column("person_tag", sa.String(64), nullable=False, index=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("expires_at", sa.Float(53), nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("last_sent_at", sa.Float(53), nullable=False),
    sa.Column("used_at", sa.Float(53), nullable=True),
    sa.UniqueConstraint("about", "authenticator_id"),
)

# What a person has to be told about the own factors; the text is sealed and names no secret.
notices = sa.Table(
    "gh_factor_notices",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, index=True),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

# A reset of somebody's factors: who stands for it; authenticated. Proposed for one account only.
resets = sa.Table(
    "gh_factor_resets",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(64), nullable=False, index=True),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("proposer", sa.String(64), nullable=False),
    sa.Column("approver", sa.String(64), nullable=False),
    sa.Column("proposed_at", sa.Float(53), nullable=False),
    sa.Column("done_at", sa.Float(53), nullable=True),
    sa.Column("alone", sa.Boolean, nullable=False),
    sa.Column("mac", sa.LargeBinary(32), nullable=False),
)

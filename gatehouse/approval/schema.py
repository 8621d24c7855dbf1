"""The tables of four eyes: the revision in force, and the edits with their two people.

Every row carries an authenticator over all its columns. People appear by their ids.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

in_force = sa.Table(
    "gh_policy_in_force",
    metadata,
    # There is one row, with the id 1.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.String(64), nullable=False),
    sa.Column("serial", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Float(53), nullable=False),
    sa.Column("mac", sa.LargeBinary(32), nullable=False),
)

edits = sa.Table(
    "gh_policy_edits",
    metadata,
    # What is offered, and the serial number of what it would follow: an approval is for one change.
    sa.Column("revision", sa.String(64), primary_key=True),
    sa.Column("base_serial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("base", sa.String(64), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("offered_at", sa.Float(53), nullable=False),
    sa.Column("proposer", sa.String(14), nullable=False),
    sa.Column("proposed_at", sa.Float(53), nullable=True),
    sa.Column("approver", sa.String(14), nullable=False),
    sa.Column("approved_at", sa.Float(53), nullable=True),
    sa.Column("mac", sa.LargeBinary(32), nullable=False),
)

"""Logs in both databases, with what signs and witnesses their checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.audit import AuditLog, Kept, VerifyReport, verify
from gatehouse.audit.anchor import Anchor
from gatehouse.audit.checkpoint import Trust
from gatehouse.audit.note import Ed25519Signer
from gatehouse.audit.signing import Checkpointer
from gatehouse.audit.witness import FileWitness, notes_of
from gatehouse.clock import SettableClock
from gatehouse.db import open_engine

KEY = bytes(range(32))
ORIGIN = "audit.example.org/desk"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'audit.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def log(url: str) -> AuditLog:
    """An empty log in either database."""
    return open_log(url)


def open_log(url: str, key: bytes = KEY) -> AuditLog:
    log = AuditLog(open_engine(url), SettableClock(), key)
    log.create()
    return log


def fill(log: AuditLog, count: int = 6) -> None:
    for number in range(count):
        log.append("decision", person="p-1", conversation="c-1", intent=f"intent_{number}")


def as_owner(log: AuditLog, *statements: str, **values: object) -> None:
    """Do what somebody may do who owns the database: triggers off, statements, triggers on."""
    tables = ("gh_audit", "gh_audit_checkpoints")
    with log.engine.begin() as connection:
        for table in tables:
            if log.engine.dialect.name == "sqlite":
                for verb in ("update", "delete", "replace"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(sa.text(statement), values)


@dataclass
class Site:
    """One log with its checkpointer, its file witness and its anchor."""

    log: AuditLog
    signer: Ed25519Signer
    trust: Trust
    witness: FileWitness
    anchor: Anchor
    checkpointer: Checkpointer

    def verify(self, *, witnessed: bool = True) -> VerifyReport:
        kept = []
        if witnessed and self.witness.path.exists():
            kept.append(Kept("the witness file", notes_of(self.witness.path), is_witness=True))
        return verify(self.log, trust=self.trust, kept=kept)


def make_site(
    log: AuditLog, directory: Path, seed: bytes = bytes(32), origin: str = ORIGIN
) -> Site:
    signer = Ed25519Signer(origin, Ed25519PrivateKey.from_private_bytes(seed))
    trust = Trust(origin, [signer.verifier()])
    clock = SettableClock()
    anchor = Anchor(directory / "anchor", KEY)
    witness = FileWitness(directory / "elsewhere" / "witness.jsonl", trust, clock, anchor)
    checkpointer = Checkpointer(
        log, clock, trust, [signer], [witness], anchor, every=1000, interval=60
    )
    return Site(log, signer, trust, witness, anchor, checkpointer)


@pytest.fixture
def site(log: AuditLog, tmp_path: Path) -> Site:
    """A log of 12 entries with checkpoints at 5 and 9, both witnessed."""
    site = make_site(log, tmp_path)
    fill(log, 5)
    site.checkpointer.make()
    fill(log, 4)
    site.checkpointer.make()
    fill(log, 3)
    return site

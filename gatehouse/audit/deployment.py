"""Puts the audit log of one deployment together from its settings and its key ring.

The keys of the log hang below the key root like every other, so that they are in no database. Their
public halves are what an auditor keeps.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gatehouse.audit import note as notes
from gatehouse.audit.anchor import Anchor
from gatehouse.audit.checkpoint import PostQuantumSigner, Trust, verifier_of
from gatehouse.audit.https_witness import HttpsWitness
from gatehouse.audit.log import AuditLog
from gatehouse.audit.pseudonyms import RingPseudonyms
from gatehouse.audit.signing import Checkpointer
from gatehouse.audit.witness import FileWitness, Witness
from gatehouse.clock import Clock
from gatehouse.db import file_of, open_engine
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.keys import KeyRing
from gatehouse.settings import Settings

ANCHOR_FILE = "audit-anchor"
STARTS = "starts"


def open_log(settings: Settings, clock: Clock, ring: KeyRing) -> AuditLog:
    """The log, its tables made or converted.

    Raises `AuditUnavailable`, `AuditTampered`, and `NotReady` when its file is gone.
    """
    _require_not_lost(settings, ring)
    pseudonyms = RingPseudonyms(ring, clock, settings.audit.pseudonyms, settings.retention.ttl)
    engine = open_engine(settings.database_url(settings.audit))
    log = AuditLog(engine, clock, ring.service_key("audit"), pseudonyms)
    log.create()
    return log


def open_checkpointer(
    settings: Settings, clock: Clock, ring: KeyRing, log: AuditLog
) -> Checkpointer:
    """What signs the log's checkpoints. Raises `InvalidInput` for a witness that cannot be."""
    audit = settings.audit
    origin = _origin(settings, ring)
    try:
        signer = notes.Ed25519Signer(notes.require_name(origin), _checkpoint_key(ring))
    except ValueError as error:
        raise InvalidInput(
            f"audit.origin: {error}", "write it as audit.example.org/desk"
        ) from error
    signers: list[notes.Signer] = [signer]
    own: list[notes.Verifier] = [signer.verifier()]
    quantum = PostQuantumSigner(origin, _ml_dsa(ring), clock.now)
    own.append(quantum.verifier())
    if audit.post_quantum == "on":
        signers.append(quantum)
    others: list[notes.Verifier] = []
    https: list[Witness] = []
    if audit.witness_url or audit.witness_key:
        witness = _https_witness(settings)
        https.append(witness)
        others.append(verifier_of(audit.witness_key))
    trust = Trust(origin, own, others)
    anchor = open_anchor(settings, ring)
    files: list[Witness] = []
    if audit.witness_file:
        files.append(FileWitness(settings.path(audit.witness_file), trust, clock, anchor))
    return Checkpointer(
        log,
        clock,
        trust,
        signers,
        [*files, *https],
        anchor,
        every=audit.checkpoint_entries,
        interval=audit.checkpoint_interval,
    )


def _require_not_lost(settings: Settings, ring: KeyRing) -> None:
    """A new file in the place of one that is gone would verify as a short and whole log."""
    file = file_of(settings.database_url(settings.audit))
    if file is None or (file.exists() and file.stat().st_size):
        return
    known = open_anchor(settings, ring).numbers()
    if any(name.endswith(f" of {_origin(settings, ring)}") and known[name] for name in known):
        raise NotReady(
            f"the audit log is gone: there is no {file}, and the anchor beside the key ring knows one",
            "put the file back",
            "docs/audit.md, “When verification fails”, says how to own up to a log that is lost",
        )


def _origin(settings: Settings, ring: KeyRing) -> str:
    """What the log is called in its checkpoints."""
    public = _checkpoint_key(ring).public_key().public_bytes_raw()
    return settings.audit.origin or f"gatehouse/{hashlib.sha256(public).hexdigest()[:16]}"


def _checkpoint_key(ring: KeyRing) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(ring.service_key("audit-checkpoints"))


def open_anchor(settings: Settings, ring: KeyRing) -> Anchor:
    """What remembers outside the database how far the log has come."""
    directory: Path = settings.path(settings.keys.directory)
    return Anchor(directory / ANCHOR_FILE, ring.service_key("audit-anchor"))


def record_start(
    log: AuditLog, anchor: Anchor, origin: str, profile: str, settings: list[str] | None = None
) -> None:
    """Write that the server starts, with a number that shows starts which are not in this log.

    Starts are counted for each `origin`, because a log with a new name begins anew after a loss.
    """
    place = f"{STARTS} of {origin}"
    number = anchor.get(place) + 1
    log.append("start", log=origin, number=number, profile=profile, settings=settings)
    anchor.raise_to(place, number)


def counted_starts(anchor: Anchor) -> dict[str, int]:
    """How many starts of the server the anchor counted, by the name that the log had then."""
    prefix = f"{STARTS} of "
    return {
        name.removeprefix(prefix): number
        for name, number in anchor.numbers().items()
        if name.startswith(prefix)
    }


def _ml_dsa(ring: KeyRing) -> MLDSA44PrivateKey:
    return MLDSA44PrivateKey.from_seed_bytes(ring.service_key("audit-checkpoints-ml-dsa"))


def _https_witness(settings: Settings) -> HttpsWitness:
    audit = settings.audit
    authority = str(settings.path(audit.witness_authority)) if audit.witness_authority else ""
    try:
        return HttpsWitness(audit.witness_url, verifier_of(audit.witness_key), authority)
    except ValueError as error:
        raise InvalidInput(
            f"audit.witness_url and audit.witness_key: {error}",
            "an https:// address and the witness's verifier key, name+id+key",
        ) from error

"""What attackers may do to the log, by what they hold, and that each is found where it was done.

Without the key of the log they may write to the database as its owner. With the key they can forge
entries, nodes and checkpoints. With neither can they change what a witness or the anchor remembers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatehouse.audit import AuditLog, AuditTampered, AuditUnavailable
from gatehouse.audit.chain import GENESIS, canonical
from gatehouse.audit.checkpoint import Checkpoint
from gatehouse.audit.deployment import STARTS, record_start
from gatehouse.audit.note import sign
from gatehouse.audit.tree import Frontier, leaf_hash
from tests.unit.audit.conftest import ORIGIN, Site, as_owner, fill, make_site, open_log


def found(site: Site, **how: bool) -> tuple[int, str]:
    with pytest.raises(AuditTampered) as caught:
        site.verify(**how)
    return caught.value.sequence, caught.value.reason


def rewrite(log: AuditLog, change: Callable[[list[dict[str, object]]], None]) -> Frontier:
    """Write the whole log anew with the log's own key, as an insider could."""
    bodies = [json.loads(entry.body) for entry in log.entries()]
    change(bodies)
    as_owner(log, "DELETE FROM gh_audit", "DELETE FROM gh_audit_checkpoints")
    frontier, chain = Frontier(), GENESIS
    for number, body in enumerate(bodies, start=1):
        data = canonical(body).encode()
        chain = log.chain.link(number, chain, data)
        node = frontier.push(leaf_hash(data))
        as_owner(
            log,
            "INSERT INTO gh_audit VALUES (:sequence, :body, :chain, :node)",
            sequence=number, body=data.decode(), chain=chain, node=node,
        )  # fmt: skip
    return frontier


def test_untouched_log_verifies(site: Site) -> None:
    """Without an attack everything fits: 12 entries, 9 of them signed and witnessed."""
    report = site.verify()
    assert (12, 4, 9, 9) == (
        report.entries,
        report.checkpoints,
        report.checkpointed,
        report.witnessed,
    )


@pytest.mark.parametrize("column", ["body", "chain", "node"])
def test_every_flipped_byte_is_found(log: AuditLog, tmp_path: Path, column: str) -> None:
    """Whichever byte of an entry is changed, verification names that entry."""
    fill(log, 3)
    as_owner(log)
    good = getattr(log.entry(2), column)
    raw = good.encode() if isinstance(good, str) else good
    site = make_site(log, tmp_path)
    for place in range(len(raw)):
        bad = bytearray(raw)
        bad[place] ^= 0x01
        value = bad.decode() if isinstance(good, str) else bytes(bad)
        with log.engine.begin() as connection:
            connection.execute(
                sa.text(f"UPDATE gh_audit SET {column} = :value WHERE sequence = 2"),
                {"value": value},
            )
        assert 2 == found(site)[0]
    with log.engine.begin() as connection:
        connection.execute(
            sa.text(f"UPDATE gh_audit SET {column} = :value WHERE sequence = 2"), {"value": good}
        )
    assert 3 == site.verify().entries


@pytest.mark.parametrize(
    ("attack", "position", "reason"),
    [
        ("UPDATE gh_audit SET body = replace(body, 'intent_2', 'intent_9') WHERE sequence = 3", 3, "not what was written"),
        ("DELETE FROM gh_audit WHERE sequence = 4", 4, "is missing; the next one present is 5"),
        ("UPDATE gh_audit SET sequence = 40 WHERE sequence = 12", 12, "is missing"),
        ("INSERT INTO gh_audit SELECT 13, body, chain, node FROM gh_audit WHERE sequence = 12", 13, "not what was written"),
        ("DELETE FROM gh_audit WHERE sequence > 7", 8, "vouches for 9 entries"),
        ("DELETE FROM gh_audit", 1, "vouches for 5 entries"),
    ],
)  # fmt: skip
def test_who_may_write_to_the_database_is_found(
    site: Site, attack: str, position: int, reason: str
) -> None:
    """An entry changed, dropped, moved, inserted or cut off by the owner of the database is found."""
    as_owner(site.log, attack)
    where, why = found(site)
    assert position == where
    assert reason in why


def test_swapped_entries_are_found(site: Site) -> None:
    """Two entries that change places with all their columns are found at the first of them."""
    as_owner(
        site.log,
        "UPDATE gh_audit SET sequence = 100 WHERE sequence = 2",
        "UPDATE gh_audit SET sequence = 2 WHERE sequence = 3",
        "UPDATE gh_audit SET sequence = 3 WHERE sequence = 100",
    )
    assert (2, "is not what was written after the entries before it") == found(site)


def test_a_cut_tail_without_its_checkpoints_is_found(site: Site) -> None:
    """Entries and checkpoints cut off together are found by the witness."""
    as_owner(
        site.log,
        "DELETE FROM gh_audit WHERE sequence > 5",
        "DELETE FROM gh_audit_checkpoints WHERE number > 1",
    )
    assert 5 == site.verify(witnessed=False).entries
    assert 6 == found(site)[0]


@pytest.mark.parametrize(
    ("attack", "position"),
    [
        ("DELETE FROM gh_audit_checkpoints", 1),
        ("DELETE FROM gh_audit_checkpoints WHERE number = 2", 6),
        (
            (
                "UPDATE gh_audit_checkpoints SET note = (SELECT note FROM gh_audit_checkpoints "
                "WHERE number = 1) WHERE number = 2"
            ),
            6,
        ),
    ],
)
def test_checkpoints_taken_out_of_the_database_are_found(
    site: Site, attack: str, position: int
) -> None:
    """A table of checkpoints that was emptied, cut or put back to older ones is found by the anchor."""
    site.checkpointer.require_kept()
    as_owner(site.log, attack)
    with pytest.raises(AuditTampered, match="lacks the checkpoint of 9 entries") as caught:
        site.checkpointer.require_kept()
    assert position == caught.value.sequence


def test_split_view_is_found(site: Site) -> None:
    """Two checkpoints of one size with different roots are told apart from a rewritten log."""
    other = sign(Checkpoint(ORIGIN, 9, bytes(32)).text(), [site.signer])
    site.log.add_checkpoint(9, other + " ")  # longer, so that it is kept
    as_owner(site.log, "UPDATE gh_audit_checkpoints SET note = :note WHERE number = 3", note=other)
    where, why = found(site)
    assert 9 == where
    assert "two checkpoints of 9 entries differ" in why


def test_an_old_checkpoint_put_in_again_is_found(site: Site) -> None:
    """A checkpoint of fewer entries after one of more is found."""
    old = next(site.log.checkpoints())
    as_owner(site.log, "INSERT INTO gh_audit_checkpoints VALUES (3, 5, :note)", note=old)
    assert "is an old one put in again: 5 entries after 9" in found(site)[1]


def test_an_old_line_in_the_witness_file_is_found(site: Site) -> None:
    """The history of a witness only grows."""
    first = site.witness.path.read_bytes().splitlines(keepends=True)[0]
    with site.witness.path.open("ab") as file:
        file.write(first)
    assert "is an old one put in again" in found(site)[1]


def test_a_checkpoint_of_another_key_is_found(site: Site) -> None:
    """A checkpoint signed by whoever does not hold the log's key is refused."""
    foreign = make_site(site.log, site.witness.path.parent, seed=bytes(31) + b"\1").signer
    note = sign(Checkpoint(ORIGIN, 9, bytes(32)).text(), [foreign])
    as_owner(site.log, "UPDATE gh_audit_checkpoints SET note = :note WHERE number = 2", note=note)
    assert "not signed with the key of this log" in found(site)[1]


def test_the_wrong_key_is_found(site: Site) -> None:
    """A log that was begun anew under another key does not pass for this one."""
    foreign = AuditLog(site.log.engine, site.checkpointer._clock, bytes(32))
    with pytest.raises(AuditTampered) as caught:
        make_site(foreign, site.witness.path.parent / "x").verify()
    assert 1 == caught.value.sequence


def test_who_holds_database_and_key_is_found_by_the_witness(site: Site) -> None:
    """A log rewritten and signed anew with its own key fits in itself, and not the witness."""

    def lie(bodies: list[dict[str, object]]) -> None:
        bodies[6]["effect"] = "allow"

    frontier = rewrite(site.log, lie)
    text = Checkpoint(ORIGIN, frontier.size, frontier.root()).text()
    site.log.add_checkpoint(frontier.size, sign(text, [site.signer]))
    assert 12 == site.verify(witnessed=False).entries
    where, why = found(site)
    assert 6 == where  # the witness saw 1 to 5 unchanged, and 6 to 9 otherwise
    assert "entries 6 to 9 are not those of checkpoint 2 of the witness file" in why


def test_a_rewritten_log_is_never_signed_over(site: Site) -> None:
    """The server notices on its next checkpoint, refuses to sign, and says so in status and log."""

    def lie(bodies: list[dict[str, object]]) -> None:
        bodies[2]["effect"] = "allow"

    rewrite(site.log, lie)
    fill(site.log, 8)
    fresh = make_site(site.log, site.witness.path.parent.parent)
    with pytest.raises(AuditTampered):
        fresh.checkpointer.make()
    assert "does not continue" in (fresh.checkpointer.status().tampered or "")
    assert "checkpoint_refused" == json.loads(list(site.log.entries())[-1].body)["kind"]
    assert [] == list(site.log.checkpoints())
    assert 2 == len(site.witness.path.read_bytes().splitlines())


def test_poisoned_nodes_are_never_signed_over(site: Site) -> None:
    """A node altered in the database neither gets into a checkpoint nor stays unnoticed."""
    as_owner(site.log, "UPDATE gh_audit SET node = :node WHERE sequence = 8", node=bytes(32))
    assert (8, "its place in the tree was altered") == found(site)
    fresh = make_site(site.log, site.witness.path.parent.parent)
    with pytest.raises(AuditTampered):
        fresh.checkpointer.make()


def test_a_log_cut_while_the_server_runs_takes_no_entry(site: Site) -> None:
    """A process that has written further refuses to append to a shorter log."""
    as_owner(site.log, "DELETE FROM gh_audit WHERE sequence > 10")
    with pytest.raises(AuditUnavailable):
        fill(site.log, 1)
    assert 11 == found_at_checkpoint(site)


def found_at_checkpoint(site: Site) -> int:
    with pytest.raises(AuditTampered) as caught:
        site.checkpointer.make()
    return caught.value.sequence


def test_an_emptied_log_stops_the_next_start(site: Site) -> None:
    """A server does not start on a log that is shorter than what was signed or witnessed."""
    as_owner(site.log, "DELETE FROM gh_audit", "DELETE FROM gh_audit_checkpoints")
    fresh = make_site(
        open_log(str(site.log.engine.url.render_as_string(False))), site.anchor._path.parent
    )
    with pytest.raises(AuditTampered) as caught:
        fresh.checkpointer.require_whole()
    assert 1 == caught.value.sequence


def test_logging_switched_off_and_on_is_found(log: AuditLog, tmp_path: Path) -> None:
    """A start of the server that was logged elsewhere is missed here."""
    site = make_site(log, tmp_path)
    record_start(log, site.anchor, ORIGIN, "production")
    record_start(log, site.anchor, ORIGIN, "production")
    assert 2 == site.verify().entries
    record_start(
        open_log(f"sqlite:///{tmp_path / 'elsewhere.db'}"), site.anchor, ORIGIN, "production"
    )
    record_start(log, site.anchor, ORIGIN, "production")
    where, why = found(site)
    assert 3 == where
    assert "1 start(s) of the server before this one left no entry here" in why
    assert 4 == site.anchor.get(f"{STARTS} of {ORIGIN}")


def test_a_loss_can_be_owned_up_to(site: Site) -> None:
    """An older database is refused under its name and accepted under a new one, openly."""
    record_start(site.log, site.anchor, ORIGIN, "production")
    site.checkpointer.make()
    as_owner(
        site.log,
        "DELETE FROM gh_audit WHERE sequence > 6",
        "DELETE FROM gh_audit_checkpoints WHERE size > 6",
    )
    url = str(site.log.engine.url.render_as_string(False))
    directory = site.anchor._path.parent
    with pytest.raises(AuditTampered):
        make_site(open_log(url), directory).checkpointer.require_whole()
    renamed = f"{ORIGIN}/2"
    fresh = make_site(open_log(url), directory / "second", origin=renamed)
    fresh.checkpointer.require_whole()
    record_start(fresh.log, site.anchor, renamed, "production")
    fresh.checkpointer.make()
    report = fresh.verify()
    assert (7, 7, 7) == (report.entries, report.checkpointed, report.witnessed)
    with pytest.raises(AuditTampered):
        site.verify()


def test_a_checkpoint_of_another_name_by_nobody_is_found(site: Site) -> None:
    """Only the log's own key makes a former name of it."""
    note = sign(Checkpoint("elsewhere.example.org", 9, bytes(32)).text(), [site.signer])
    as_owner(site.log, "UPDATE gh_audit_checkpoints SET note = :note WHERE number = 2", note=note)
    assert "a checkpoint of another log: elsewhere.example.org" in found(site)[1]

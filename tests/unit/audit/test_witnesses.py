"""Witnesses: a file that only grows and a service over HTTPS, at their best and at their worst."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatehouse.audit import AuditLog, AuditTampered, Kept, verify
from gatehouse.audit.checkpoint import Trust
from gatehouse.audit.https_witness import HttpsWitness
from gatehouse.audit.signing import Checkpointer
from gatehouse.audit.witness import WitnessUnavailable, notes_of
from gatehouse.clock import SettableClock
from tests.unit.audit.conftest import Site, as_owner, fill, make_site, open_log
from tests.unit.audit.witness_server import NAME, WitnessServer, serving


@dataclass
class Distant:
    """A log in SQLite whose only witness is a service over HTTPS."""

    log: AuditLog
    site: Site
    server: WitnessServer
    checkpointer: Checkpointer
    trust: Trust

    def error(self) -> str | None:
        return self.checkpointer.status().witnesses[0].error


@pytest.fixture
def distant(tmp_path: Path) -> Iterator[Distant]:
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    site = make_site(log, tmp_path)
    server = WitnessServer(site.signer.verifier(), tmp_path)
    key = server.cosigner.verifier()
    trust = Trust(site.trust.origin, site.trust.log, [key])
    with serving(server) as url:
        witness = HttpsWitness(url, key, server.authority)
        checkpointer = Checkpointer(
            log, SettableClock(), trust, [site.signer], [witness], site.anchor
        )
        yield Distant(log, site, server, checkpointer, trust)


def test_a_witness_over_https_cosigns(distant: Distant) -> None:
    """Each checkpoint is cosigned by the witness after it has checked that the log only grew."""
    for count in (1, 5, 30):
        fill(distant.log, count)
        signed = distant.checkpointer.make()
        assert signed is not None
        assert (NAME,) == signed.witnesses
    report = verify(distant.log, trust=distant.trust)
    assert (36, 36) == (report.checkpointed, report.witnessed)
    assert None is distant.error()


def test_a_witness_that_knows_more_of_the_log_is_followed(distant: Distant) -> None:
    """A process that has just started learns from the witness how far it is, and proves from there."""
    fill(distant.log, 5)
    distant.checkpointer.make()
    fill(distant.log, 2)
    fresh = Checkpointer(
        distant.log, SettableClock(), distant.trust, [distant.site.signer],
        [HttpsWitness(distant.checkpointer._witnesses[0]._url.removesuffix("/add-checkpoint"),  # type: ignore[attr-defined]
                      distant.server.cosigner.verifier(), distant.server.authority)],
        distant.site.anchor,
    )  # fmt: skip
    signed = fresh.make()
    assert signed is not None
    assert (7, (NAME,)) == (distant.server.size, signed.witnesses)


def test_a_witness_that_is_away_holds_nothing_up(distant: Distant) -> None:
    """Entries and checkpoints go on, the status says so, and the witness gets the next one."""
    distant.server.answer = lambda good: (503, "")
    fill(distant.log, 3)
    signed = distant.checkpointer.make()
    assert signed is not None
    assert () == signed.witnesses
    assert "the witness answered with status 503" == distant.error()
    assert (3, 0) == (
        verify(distant.log, trust=distant.trust).checkpointed,
        verify(distant.log, trust=distant.trust).witnessed,
    )
    distant.server.answer = lambda good: good
    again = distant.checkpointer.make()
    assert again is not None
    assert (None, (NAME,)) == (distant.error(), again.witnesses)
    assert 3 == verify(distant.log, trust=distant.trust).witnessed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, ""), "the witness answered with a wrong cosignature"),
        ((200, "— witness.example.org/w1 AAAAAAAAAAAAAAAAAAAA\n"), "without its cosignature"),
        ((200, "x" * 70_000), "the answer of the witness is too long"),
        ((302, "https://localhost:1/"), "the witness answered with status 302"),
        ((404, ""), "the witness does not know this log"),
        ((409, "nonsense"), "the witness answered with status 409"),
    ],
)
def test_strange_answers_are_not_believed(
    distant: Distant, answer: tuple[int, str], expected: str
) -> None:
    """No answer but a right cosignature counts, and none ends more than this attempt."""
    distant.server.answer = lambda good: answer
    fill(distant.log, 1)
    signed = distant.checkpointer.make()
    assert signed is not None
    assert () == signed.witnesses
    assert expected in (distant.error() or "")


def test_a_certificate_of_nobody_is_refused(distant: Distant, tmp_path: Path) -> None:
    """A witness whose certificate is not of the named authority is not spoken to."""
    with serving(distant.server) as url:
        stranger = HttpsWitness(url, distant.server.cosigner.verifier())
        fill(distant.log, 1)
        fresh = Checkpointer(
            distant.log, SettableClock(), distant.trust, [distant.site.signer], [stranger],
            distant.site.anchor,
        )  # fmt: skip
        before = distant.server.requests
        fresh.make()
        assert "the witness cannot be reached (SSLError)" == fresh.status().witnesses[0].error
        assert before == distant.server.requests
    with pytest.raises(ValueError, match="https only"):
        HttpsWitness("http://localhost/log", distant.server.cosigner.verifier())


def test_a_rewritten_log_is_refused_by_the_witness(distant: Distant) -> None:
    """Who rewrites the log with its own key cannot get past the service either."""
    fill(distant.log, 4)
    distant.checkpointer.make()
    distant.server.root = bytes(32)  # as if it had seen another log of the same size
    fill(distant.log, 1)
    for _ in range(3):
        with pytest.raises(AuditTampered, match="does not continue what the witness saw"):
            distant.checkpointer.make()
    refusals = [e.sequence for e in distant.log.entries() if "checkpoint_refused" in e.body]
    assert [6] == refusals
    assert distant.checkpointer.status().tampered is not None
    assert 1 == len(list(distant.log.checkpoints()))


def test_the_file_only_grows_by_whole_lines(site: Site) -> None:
    """A second process, a repeated hand-over and an unchanged log add nothing twice."""
    assert 2 == len(site.witness.path.read_bytes().splitlines())
    signed = site.checkpointer.make()
    assert signed is not None
    again = make_site(site.log, site.anchor._path.parent)
    again.checkpointer.make()
    assert 3 == len(list(notes_of(site.witness.path)))
    assert 0o600 == site.witness.path.stat().st_mode & 0o777


def test_two_processes_sign_in_turns(site: Site) -> None:
    """The checkpoint of a process that was overtaken by another is dropped, and all still fits."""
    other = make_site(site.log, site.anchor._path.parent)
    other.checkpointer.make()
    fill(site.log, 2)
    other.checkpointer.make()
    fill(site.log, 2)
    site.checkpointer.make()
    report = site.verify()
    assert (16, 16, 16) == (report.entries, report.checkpointed, report.witnessed)


def test_a_cut_off_line_is_said_and_not_written_over(site: Site) -> None:
    """A half line, as after a crash, makes the witness count as away; verification names it."""
    with site.witness.path.open("ab") as file:
        file.write(b'{"at": "2026')
    size = site.witness.path.stat().st_size
    site.checkpointer.make()
    error = site.checkpointer.status().witnesses[0].error or ""
    assert "the last line of the witness file is cut off" == error
    assert size == site.witness.path.stat().st_size
    with pytest.raises(AuditTampered, match="checkpoint 3 of the witness file"):
        site.verify()


def test_a_directory_that_cannot_be_written_holds_nothing_up(site: Site) -> None:
    """An unmounted volume is reported, and the checkpoint is in the database all the same."""
    parent = site.witness.path.parent
    site.witness.path.unlink()
    parent.rmdir()
    parent.write_text("no directory any more")
    signed = site.checkpointer.make()
    assert signed is not None
    assert 12 == signed.checkpoint.size
    assert "the witness file cannot be opened" == site.checkpointer.status().witnesses[0].error
    assert 12 == site.verify(witnessed=False).checkpointed


def test_checkpoints_are_made_when_they_are_due(tmp_path: Path) -> None:
    """At the first look, after the interval, after so many entries at once; never for nothing."""
    log = open_log(f"sqlite:///{tmp_path / 'audit.db'}")
    site = make_site(log, tmp_path)
    clock = SettableClock()
    signer = Checkpointer(
        log, clock, site.trust, [site.signer], [site.witness], site.anchor, every=10, interval=60
    )
    made = []

    def step(entries: int, seconds: float) -> None:
        fill(log, entries)
        clock.advance(seconds)
        signed = signer.poll()
        made.append(signed.checkpoint.size if signed else None)

    step(0, 0)
    step(1, 0)
    step(1, 30)
    step(0, 31)
    step(0, 100)
    step(10, 1)
    step(1, 59)
    step(0, 1)
    assert [None, 1, None, 2, None, 12, None, 13] == made
    assert (13, 13) == (signer.status().entries, signer.status().checkpointed)


def test_a_found_attack_is_said_once_and_looked_at_again(site: Site) -> None:
    """While the log is not whole the server polls on, writes one refusal, and recovers when mended."""
    good = site.log.entry(11).body
    as_owner(site.log, "UPDATE gh_audit SET body = '{}' WHERE sequence = 11")
    clock = site.checkpointer._clock
    assert isinstance(clock, SettableClock)
    for _ in range(3):
        clock.advance(61)
        assert None is site.checkpointer.poll()
    refusals = [e for e in site.log.entries() if "checkpoint_refused" in e.body]
    assert (1, 11) == (len(refusals), 11)
    assert "entry 11" in (site.checkpointer.status().tampered or "")
    as_owner(site.log, "UPDATE gh_audit SET body = :body WHERE sequence = 11", body=good)
    clock.advance(61)
    signed = site.checkpointer.poll()
    assert signed is not None
    assert (13, None) == (signed.checkpoint.size, site.checkpointer.status().tampered)
    assert (
        13
        == verify(
            site.log,
            trust=site.trust,
            kept=[Kept("w", notes_of(site.witness.path), is_witness=True)],
        ).witnessed
    )


def test_a_damaged_witness_file_stops_signing_and_not_the_start(site: Site) -> None:
    """A line that was altered is evidence of an attack: said, recorded once, no further checkpoint."""
    lines = site.witness.path.read_bytes().splitlines(keepends=True)
    site.witness.path.write_bytes(
        lines[0] + lines[1].replace(b"audit.example.org", b"other.example.org")
    )
    fresh = make_site(site.log, site.anchor._path.parent)
    fresh.checkpointer.require_whole()
    for _ in range(2):
        with pytest.raises(AuditTampered, match="a line that is no checkpoint of this log"):
            fresh.checkpointer.make()
    assert 1 == sum("checkpoint_refused" in entry.body for entry in site.log.entries())


@pytest.mark.parametrize("how", ["gone", "emptied", "older"])
def test_a_witness_file_is_never_begun_anew(site: Site, how: str) -> None:
    """One that is not mounted, was emptied, or is an older copy is away: said, and not replaced by a new
    one, which would vouch for whatever the log is by then; when it is back it goes on."""
    path, whole = site.witness.path, site.witness.path.read_bytes()
    left = {"gone": None, "emptied": b"", "older": whole.splitlines(keepends=True)[0]}[how]
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    for one in (site, make_site(site.log, site.anchor._path.parent)):  # and after a restart
        signed = one.checkpointer.make()
        assert signed is not None
        assert 12 == signed.checkpoint.size
        (status,) = one.checkpointer.status().witnesses
        assert ("gone" if how == "gone" else "took 9") in (status.error or "")
        with pytest.raises(WitnessUnavailable):
            one.witness.require_there()
    assert left == (path.read_bytes() if path.exists() else None)
    path.write_bytes(whole)
    site.checkpointer.make()
    site.witness.require_there()
    assert 12 == site.verify().witnessed


def test_a_full_disk_leaves_no_half_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that does not fit is taken back and reported; the checkpoint is in the database."""
    before = site.witness.path.read_bytes()
    write = os.write
    monkeypatch.setattr(
        "gatehouse.audit.witness.os.write", lambda handle, data: write(handle, data[:20])
    )
    signed = site.checkpointer.make()
    assert signed is not None
    assert "the witness file cannot be written" == site.checkpointer.status().witnesses[0].error
    assert before == site.witness.path.read_bytes()
    monkeypatch.undo()
    site.checkpointer.make()
    assert 12 == site.verify().witnessed

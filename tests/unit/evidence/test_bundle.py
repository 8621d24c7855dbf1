"""A bundle is whole and signed or refused, whatever was done to it."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatehouse.audit.checkpoint import Checkpoint
from gatehouse.audit.note import Ed25519Signer, sign
from gatehouse.errors import InvalidInput, Unavailable
from gatehouse.ops.evidence import bundle
from gatehouse.ops.evidence.bundle import BundleForged, Statement, open_bundle
from gatehouse.runtime import Runtime

SIGNER = Ed25519Signer("audit.example.org/desk", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Ed25519Signer("audit.example.org/desk", Ed25519PrivateKey.from_private_bytes(b"1" * 32))
TRUSTED = [SIGNER.verifier()]
MEMBERS = {"index.html": b"<p>evidence</p>", "live/audit.json": b"{}", "requirements.csv": b"a"}


def statement(members: dict[str, bytes], log: str = SIGNER.name) -> tuple[bytes, str]:
    sums = bundle.sums_of(members)
    digest = bundle._sha256(sums)
    return sums, Statement(log, "2026-11-25T12:00:00.000Z", 7, digest).text()


def packed(members: dict[str, bytes] = MEMBERS, signer: Ed25519Signer = SIGNER) -> bytes:
    sums, text = statement(members)
    return bundle.pack(members, sums, sign(text, [signer]))


def opened(tmp_path: Path, data: bytes) -> bundle.Opened:
    path = tmp_path / "bundle.zip"
    path.write_bytes(data)
    return open_bundle(path, TRUSTED)


def test_what_was_packed_is_what_is_opened(tmp_path: Path) -> None:
    """Members and statement come back unchanged, and any unpacker reads the file."""
    found = opened(tmp_path, packed())
    assert (MEMBERS, SIGNER.name, 7) == (found.members, found.statement.log, found.statement.entry)
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        assert archive.testzip() is None
        assert {*MEMBERS, "SHA256SUMS", "SIGNATURE"} == set(archive.namelist())


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_altered_byte_changes_what_is_read(tmp_path: Path, data: st.DataObject) -> None:
    """Whichever byte is changed: refused, or it was no part of any content."""
    raw = bytearray(packed())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = opened(tmp_path, bytes(raw))
    except (BundleForged, InvalidInput):
        return
    assert MEMBERS == found.members


def test_every_truncation_is_found(tmp_path: Path) -> None:
    """A download or copy that was cut off anywhere is no bundle."""
    raw = packed()
    for length in [*range(0, len(raw), 7), *range(len(raw) - 100, len(raw))]:
        with pytest.raises((BundleForged, InvalidInput)):
            opened(tmp_path, raw[:length])


def rezipped(change: Callable[[dict[str, bytes]], None], **options: object) -> bytes:
    """The bundle unpacked, changed, and packed again by somebody without the key."""
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = bytes(str(options.get("comment", "")), "ascii")
    return out.getvalue()


def forged_sums(members: dict[str, bytes]) -> None:
    members["index.html"] = b"other"
    kept = {name: data for name, data in members.items() if name not in ("SHA256SUMS", "SIGNATURE")}
    members["SHA256SUMS"] = bundle.sums_of(kept)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update({"index.html": b"<p>other</p>"}), "index.html is not what was signed"),
        (lambda m: m.pop("live/audit.json"), "live/audit.json is missing"),
        (lambda m: m.update({"extra.html": b""}), "extra.html was not signed"),
        (forged_sums, "SHA256SUMS is not what was signed"),
        (lambda m: m.pop("SIGNATURE"), "no signature"),
        (lambda m: m.pop("SHA256SUMS"), "no signature"),
        (lambda m: m.update({"SIGNATURE": b"\xff"}), "no signature"),
        (lambda m: m.update({"SIGNATURE": b"nothing\n"}), "the signature is wrong"),
        (lambda m: m.update({"../up.html": b""}), "a member that no bundle has"),
        (lambda m: m.update({"/root.html": b""}), "a member that no bundle has"),
    ],
)
def test_what_somebody_did_to_it_is_named(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], says: str
) -> None:
    """Changed, removed, added and renamed members, and signatures that are none."""
    with pytest.raises(BundleForged, match=says):
        opened(tmp_path, rezipped(change))


def test_nothing_hides_beside_the_members(tmp_path: Path) -> None:
    """Neither before the archive, nor behind it, nor in its comment, nor compressed."""
    for data in (
        b"#!/bin/sh\n" + packed(),
        packed() + b"more",
        rezipped(lambda m: None, comment="x"),
    ):
        with pytest.raises((BundleForged, InvalidInput)):
            opened(tmp_path, data)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed())) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name), zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleForged, match="a member that no bundle has"):
        opened(tmp_path, out.getvalue())


def test_only_the_key_at_hand_is_believed(tmp_path: Path) -> None:
    """Another key under the same name, and a statement about another log."""
    with pytest.raises(BundleForged, match="not signed with the key at hand"):
        opened(tmp_path, packed(signer=OTHER))
    sums, text = statement(MEMBERS, log="audit.example.org/other")
    with pytest.raises(BundleForged, match="names another log"):
        opened(tmp_path, bundle.pack(MEMBERS, sums, sign(text, [SIGNER])))


def test_a_checkpoint_is_no_bundle_and_a_bundle_no_checkpoint(
    tmp_path: Path, runtime: Runtime
) -> None:
    """One key signs both, so neither may pass for the other; anything else it does not sign."""
    note = runtime.audit.last_checkpoint()
    assert note is not None
    data = bundle.pack(MEMBERS, bundle.sums_of(MEMBERS), note)
    path = tmp_path / "b.zip"
    path.write_bytes(data)
    with pytest.raises(BundleForged, match="not one of a bundle"):
        open_bundle(path, runtime.checkpoints.trust.log)
    for text in (
        "desk\n1\nAAAA\n",
        "one line",
        "two words\n\nmore\n",
        Checkpoint("a", 1, bytes(32)).text(),
    ):
        with pytest.raises(ValueError, match="could be taken for something else"):
            runtime.checkpoints.vouch(text)


def test_what_never_was_a_bundle_says_so(tmp_path: Path) -> None:
    """Any other file, and a path that cannot be read."""
    with pytest.raises(InvalidInput, match="not a bundle"):
        opened(tmp_path, b"%PDF-1.7")
    with pytest.raises(Unavailable, match="cannot be read"):
        open_bundle(tmp_path / "missing.zip", TRUSTED)


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves no file and no part of one; a file that is there is never replaced."""
    path = tmp_path / "out.zip"
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            bundle.write(path, packed())
    assert [] == list(tmp_path.iterdir())
    bundle.write(path, packed())
    assert 0o600 == path.stat().st_mode & 0o777
    with pytest.raises(InvalidInput, match="exists already"):
        bundle.write(path, b"other")
    assert [path] == list(tmp_path.iterdir())
    assert packed() == path.read_bytes()


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file appears in one step there as well, and replaces nothing."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    bundle.write(tmp_path / "out.zip", b"1")
    with pytest.raises(InvalidInput, match="exists already"):
        bundle.write(tmp_path / "out.zip", b"2")
    assert b"1" == (tmp_path / "out.zip").read_bytes()


def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    """A missing directory, and a file that is there, also as a dangling link."""
    with pytest.raises(Unavailable, match="no directory"):
        bundle.require_free(tmp_path / "missing" / "out.zip")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="exists already"):
        bundle.require_free(tmp_path / "link")

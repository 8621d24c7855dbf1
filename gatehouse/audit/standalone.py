"""Checks a Gatehouse audit log without Gatehouse. Needs Python 3.11 and the package `cryptography`.

Read this before you run it; it is meant to be read. It opens what you name, writes nothing, and asks
nobody. What it believes is only the keys that you give it, which you should have received on a way
that nobody who runs the log controls.

    python verify_audit.py --key 'NAME+ID+KEY' --entries audit.jsonl --checkpoints witness.jsonl
    python verify_audit.py --key 'NAME+ID+KEY' --entries copy-of-audit.db
    python verify_audit.py --key 'NAME+ID+KEY' --proof entry-7.tlog-proof

--entries      what `gatehouse audit export --format jsonl` wrote (all of it), or a copy of the SQLite file
--checkpoints  a witness file, or one checkpoint as text; may be given several times
--proof        one entry with its proof
--key          the log's verifier key, and those of its witnesses; `gatehouse audit key` prints them
--former       a name that the log had before a loss that was owned up to; its checkpoints are left out

The log is a Merkle tree (RFC 9162) over its entries, in order. A checkpoint is a signed note (C2SP
signed-note and tlog-checkpoint) that says: so many entries have this root. So whoever changes, drops,
inserts or swaps an entry that a checkpoint covers, gets another root. Exit code 0: everything fits.
5: something does not, and the message says where. 3: a file cannot be read. 2: wrong use.
"""

import argparse
import base64
import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LOG, WITNESS = 1, 4  # signature types: Ed25519 of the log, timestamped Ed25519 of a witness
Keys = dict[tuple[str, bytes], tuple[int, Ed25519PublicKey]]


class Wrong(Exception):
    """Something is not what was written."""


class Unreadable(Exception):
    """A file cannot be read."""


# --- The tree (RFC 9162, section 2.1) ---------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Keeps only the roots of the complete subtrees, widest first: as many as `size` has one bits."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[bytes] = []

    def add(self, data: bytes) -> None:
        node, size = leaf_hash(data), self.size
        while size & 1:  # each one bit at the end is a subtree that this leaf completes
            node = node_hash(self.subtrees.pop(), node)
            size >>= 1
        self.subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        root = self.subtrees[-1] if self.subtrees else hashlib.sha256(b"").digest()
        for left in reversed(self.subtrees[:-1]):
            root = node_hash(left, root)
        return root


def root_from_proof(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    node, last, computed = index, size - 1, leaf
    if not 0 <= index < size:
        raise Wrong(f"the proof is for entry {index + 1}, the checkpoint covers {size}")
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            raise Wrong("the proof does not fit the size of the tree")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise Wrong("the proof does not fit the size of the tree")
    return computed


# --- Signed notes and checkpoints (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature) -----------


def read_key(text: str, keys: Keys) -> None:
    if text.count("+") < 2:
        raise ValueError("a key is NAME+ID+KEY, as `gatehouse audit key` prints it")
    name, identifier, encoded = text.strip().split("+", 2)
    data = base64.b64decode(encoded, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if expected.hex() != identifier or len(data) != 33 or data[0] not in (LOG, WITNESS):
        raise ValueError("not an Ed25519 verifier key")
    keys[name, expected] = data[0], Ed25519PublicKey.from_public_bytes(data[1:])


def read_checkpoint(note: str, keys: Keys) -> tuple[str, int, bytes, list[str]]:
    """Origin, size, root and the names of the witnesses that signed, of a checkpoint by a known key."""
    text, separator, signatures = note.rpartition("\n\n")
    text += "\n"
    by_log, witnesses = False, []
    for line in signatures.splitlines():
        dash, name, encoded = [*line.split(" "), "", ""][:3]
        signature = base64.b64decode(encoded, validate=True) if dash == "—" else b""
        kind, key = keys.get((name, signature[:4]), (0, None))
        if key is None:
            continue  # a key that you did not name says nothing
        message, signature = text.encode(), signature[4:]
        if kind == WITNESS:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
        try:
            key.verify(signature, message)
        except InvalidSignature:
            raise Wrong(f"a checkpoint has a wrong signature of {name}") from None
        by_log = by_log or kind == LOG
        if kind == WITNESS:
            witnesses.append(name)
    lines = text.split("\n")
    if not separator or not by_log or len(lines) != 4 or not lines[1].isdecimal():
        raise Wrong("a checkpoint is not signed by the log's key")
    return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True), witnesses


# --- Files --------------------------------------------------------------------------------------------


def is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def rows_of(path: Path, statement: str) -> Iterator[tuple[int, bytes]]:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        yield from database.execute(statement)
    finally:
        database.close()


def entries_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Sequence number and exact bytes of every entry."""
    if is_sqlite(path):
        statement = "SELECT sequence, CAST(body AS BLOB) FROM gh_audit ORDER BY sequence"
        yield from rows_of(path, statement)
        return
    with path.open("rb") as file:
        for line in file:
            head, _, rest = line.rstrip(b"\n").partition(b',"entry":')
            if not head.startswith(b'{"sequence":') or not rest.endswith(b"}"):
                raise Unreadable(f"{path}: not a line of an export: {line[:40]!r}")
            yield int(head.removeprefix(b'{"sequence":')), rest[:-1]


def notes_of(path: Path) -> Iterator[str]:
    """The checkpoints in a witness file, a SQLite copy, or a file with a single one."""
    if is_sqlite(path):
        statement = "SELECT number, CAST(note AS BLOB) FROM gh_audit_checkpoints ORDER BY number"
        for _, note in rows_of(path, statement):
            yield bytes(note or b"").decode(errors="replace")
    elif path.read_text(encoding="utf-8")[:1] == "{":
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield str(json.loads(line)["checkpoint"])
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise Wrong(f"line {number} of {path.name} is no checkpoint") from None
    else:
        yield path.read_text(encoding="utf-8")


# --- The checks -----------------------------------------------------------------------------------------


def collect(paths: list[Path], keys: Keys, former: list[str]) -> dict[int, tuple[bytes, str]]:
    """The root that every checkpoint demands, by size, and where it says so."""
    wanted: dict[int, tuple[bytes, str]] = {}
    origins: set[str] = set()
    logs = {name for (name, _), (kind, _) in keys.items() if kind == LOG}
    for path in paths:
        newest = 0
        for number, note in enumerate(notes_of(path), start=1):
            where = f"checkpoint {number} in {path.name}"
            name = note.partition("\n")[0]
            if name in former:
                continue
            if name not in logs:
                raise Wrong(f"{where} is of another log, {name[:80]!r}; a name of before: --former")
            origin, size, root, _ = read_checkpoint(note, keys)
            origins.add(origin)
            if size < newest:
                raise Wrong(f"{where} is an old one put in again ({size} entries after {newest})")
            newest = size
            if wanted.setdefault(size, (root, where))[0] != root:
                raise Wrong(f"{where} and {wanted[size][1]} differ for {size} entries: split view")
    if len(origins) > 1:
        raise Wrong(f"the checkpoints are of different logs: {sorted(origins)}")
    if not wanted:
        raise Wrong("there is no checkpoint of the log whose key you named")
    return wanted


def check_entries(path: Path, wanted: dict[int, tuple[bytes, str]]) -> Tree:
    tree, sound, starts = Tree(), 0, dict[str, int]()
    for sequence, body in entries_of(path):
        if sequence != tree.size + 1:
            raise Wrong(f"entry {tree.size + 1} is missing; the next one present is {sequence}")
        tree.add(bytes(body or b""))
        if tree.size in wanted:
            root, where = wanted[tree.size]
            if tree.root() != root:
                raise Wrong(f"entries {sound + 1} to {tree.size} are not those of {where}")
            sound = tree.size
        if b'"kind":"start"' in body:
            try:
                facts = json.loads(body)
                name, number = str(facts.get("log")), int(facts.get("number", 0))
            except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
                raise Wrong(f"entry {sequence} cannot be read") from None
            last = starts.get(name, number)
            if number > last + 1:
                raise Wrong(f"entry {sequence}: {number - last - 1} start(s) before it missing")
            starts[name] = max(number, last)
    beyond = [size for size in sorted(wanted) if size > tree.size]
    if beyond:
        raise Wrong(f"entry {tree.size + 1} is missing; {wanted[beyond[0]][1]} covers {beyond[0]}")
    return tree


def check_proof(text: str, keys: Keys) -> str:
    """Check a file of the form c2sp.org/tlog-proof@v1; what it proves."""
    head, _, note = text.partition("\n\n")
    first, extra, index, *proof = head.split("\n")
    if first != "c2sp.org/tlog-proof@v1" or not extra.startswith("extra "):
        raise Unreadable("not a tlog-proof@v1 with its entry")
    body = base64.b64decode(extra.removeprefix("extra "), validate=True)
    place = int(index.removeprefix("index "))
    hashes = [base64.b64decode(line, validate=True) for line in proof]
    origin, size, root, witnesses = read_checkpoint(note, keys)
    if root_from_proof(place, size, leaf_hash(body), hashes) != root:
        raise Wrong("the entry is not in the tree of the checkpoint")
    by = f", witnessed by {', '.join(witnesses)}" if witnesses else ""
    return f"entry {place + 1} of {origin}, under a checkpoint of {size}{by}:\n{body.decode()}"


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--key", action="append", default=[], required=True)
    parser.add_argument("--entries", type=Path)
    parser.add_argument("--checkpoints", type=Path, action="append", default=[])
    parser.add_argument("--former", action="append", default=[])
    parser.add_argument("--proof", type=Path)
    given = parser.parse_args()
    if (given.entries is None) == (given.proof is None):
        parser.error("name either --entries or --proof")
    keys: Keys = {}
    try:
        for text in given.key:
            read_key(text, keys)
        if given.proof:
            print(check_proof(given.proof.read_text(encoding="utf-8"), keys))
            return 0
        own = [given.entries] if is_sqlite(given.entries) else []
        wanted = collect([*own, *given.checkpoints], keys, given.former)
        tree = check_entries(given.entries, wanted)
    except Wrong as wrong:
        print(f"WRONG: {wrong}", file=sys.stderr)
        return 5
    except (Unreadable, OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 3
    covered = max(wanted, default=0)
    print(f"{tree.size} entries, root {base64.b64encode(tree.root()).decode()}")
    print(f"{covered} of them are under {len(wanted)} checkpoint(s), the newest of {covered}")
    if covered < tree.size:
        print(f"nothing vouches for entries {covered + 1} to {tree.size} yet", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

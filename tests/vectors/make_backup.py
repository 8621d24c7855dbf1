"""Writes the vectors of sealed backup files from their description, without the code under test."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}
MAGIC = b"gatehouse backup\n"
CHUNK = 1 << 20
KEY = hashlib.sha256(b"vector key").digest()
OTHER = hashlib.sha256(b"another vector key").digest()
SALT = hashlib.sha256(b"vector salt").digest()
HEAD = {
    "backup": "20261125T120000Z-0badcafe",
    "key": "backup 20261125T120000Z-0badcafe",
    "part": "main",
}


def hkdf_sha512(key, salt, info, length):
    """RFC 5869, from HMAC alone."""
    secret = hmac.new(salt, key, hashlib.sha512).digest()
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([number]), hashlib.sha512).digest()
        out, number = out + block, number + 1
    return out[:length]


def content_of(length):
    """Bytes that repeat with a period that no chunk has."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def sealed(content, *, suite=1, key=KEY, head=HEAD, version=1, commitment=None, chunks=None):
    """A file; `chunks` replaces how the content is cut: (bytes, number, last) each."""
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    info = MAGIC + bytes([1, suite]) + hashlib.sha512(text).digest()
    material = hkdf_sha512(key, SALT, info, 64)
    cipher = CIPHERS.get(suite, AESGCM)(material[:32])
    if chunks is None:
        cut = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
        chunks = [(piece, number, number == len(cut) - 1) for number, piece in enumerate(cut)]
    out = MAGIC + bytes([version, suite]) + struct.pack(">I", len(text)) + text
    out += SALT + (material[32:] if commitment is None else commitment)
    for piece, number, last in chunks:
        nonce = bytes(3) + struct.pack(">Q", number) + bytes([last])
        out += cipher.encrypt(nonce, piece, None)
    return out


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def main():
    vectors = []

    def add(name, file, *, content=None, reason=None, key=KEY, head=HEAD):
        said = {"reason": reason} if content is None else {"content": content.hex()}
        vectors.append({"name": name, "key": key.hex(), "head": head, "file": file.hex(), **said})

    for suite, title in ((1, "aes256gcm"), (2, "chacha20poly1305")):
        for length in (0, 1, 600):
            content = content_of(length)
            add(f"{title}, {length} bytes", sealed(content, suite=suite), content=content)
        good = sealed(content_of(40), suite=suite)
        body = len(good) - 40 - 16
        for what, place in (
            ("salt", body - 64),
            ("commitment", body - 1),
            ("ciphertext", body),
            ("tag", len(good) - 1),
            ("head", 30),
        ):
            add(f"{title}, {what} altered", flipped(good, place), reason=f"the {what} was altered")
        add(f"{title}, last byte missing", good[:-1], reason="cut by one byte")
        add(f"{title}, no chunk", good[:body], reason="cut before the first chunk")
        add(f"{title}, a byte more", good + b"\0", reason="a byte was added")
        add(f"{title}, another key", good, key=OTHER, reason="sealed under another key")
        add(
            f"{title}, another part",
            good,
            head={**HEAD, "part": "audit"},
            reason="a file of another part in this one's place",
        )
        add(
            f"{title}, no commitment",
            sealed(b"x", suite=suite, commitment=bytes(32)),
            reason="the chunk is good but nothing commits to the key",
        )
        add(
            f"{title}, not the last",
            sealed(b"", suite=suite, chunks=[(b"x", 0, False)]),
            reason="the only chunk does not say that it is the last",
        )
        add(
            f"{title}, begins with the second",
            sealed(b"", suite=suite, chunks=[(b"x", 1, True)]),
            reason="the first chunk is missing",
        )
        add(
            f"{title}, renamed suite",
            good[: len(MAGIC) + 1] + bytes([3 - suite]) + good[len(MAGIC) + 2 :],
            reason="the file names another suite than it was sealed with",
        )
    add("suite 3", sealed(b"x", suite=3), reason="there is no suite 3 yet")
    add("version 2", sealed(b"x", version=2), reason="there is no version 2 yet")
    add("nothing", b"", reason="empty")
    add("magic only", MAGIC, reason="cut after the first line")
    add("zeros", bytes(200), reason="no sealed file at all")
    json.dump(vectors, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

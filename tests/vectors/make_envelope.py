"""Writes the vectors of the envelope from its description, without the code under test."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}
KEY = hashlib.sha256(b"vector key").digest()
OTHER = hashlib.sha256(b"another vector key").digest()
SALT = hashlib.sha256(b"vector salt").digest()
FIELDS = {"kind": "turn", "conversation": "c0ffee", "sequence": 7, "version": 1}


def encode(fields):
    """Number of fields, then by name: length and name, `s` or `i`, length and value as text."""
    out = struct.pack(">I", len(fields))
    for name in sorted(fields):
        value = fields[name]
        text = str(value).encode()
        out += struct.pack(">I", len(name.encode())) + name.encode()
        out += b"s" if isinstance(value, str) else b"i"
        out += struct.pack(">I", len(text)) + text
    return out


def hkdf_sha512(key, salt, info, length):
    """RFC 5869, from HMAC alone."""
    secret = hmac.new(salt, key, hashlib.sha512).digest()
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([number]), hashlib.sha512).digest()
        out, number = out + block, number + 1
    return out[:length]


def envelope(suite, key, plaintext, associated, *, version=1, salt=SALT, commitment=None):
    header = bytes([version, suite])
    material = hkdf_sha512(key, salt, b"gatehouse envelope" + header, 64)
    cipher = CIPHERS.get(suite, AESGCM)
    sealed = cipher(material[:32]).encrypt(bytes(12), plaintext, associated)
    return header + salt + (material[32:] if commitment is None else commitment) + sealed


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def main():
    vectors = []

    def add(name, sealed, *, plaintext=None, reason=None, key=KEY, fields=None):
        fields = FIELDS if fields is None else fields
        vectors.append(
            {
                "name": name,
                "key": key.hex(),
                "associated": fields,
                "encoding": encode(fields).hex(),
                "envelope": sealed.hex(),
                **({"reason": reason} if plaintext is None else {"plaintext": plaintext.hex()}),
            }
        )

    bound = encode(FIELDS)
    for suite, title in ((1, "aes256gcm"), (2, "chacha20poly1305")):
        for text in (b"", b"a", "Grüße, 給与".encode(), bytes(range(256)) * 9):
            add(f"{title}, {len(text)} bytes", envelope(suite, KEY, text, bound), plaintext=text)
        good = envelope(suite, KEY, b"marked plaintext", bound)
        for what, place in (
            ("salt", 2),
            ("commitment", 34),
            ("ciphertext", 66),
            ("tag", len(good) - 1),
        ):
            add(f"{title}, {what} altered", flipped(good, place), reason=f"the {what} was altered")
        add(f"{title}, tag missing", good[:-16], reason="cut: the tag is missing")
        add(f"{title}, last byte missing", good[:-1], reason="cut by one byte")
        add(f"{title}, a byte more", good + b"\0", reason="a byte was added")
        add(f"{title}, another key", good, key=OTHER, reason="sealed under another key")
        add(
            f"{title}, moved",
            good,
            fields={**FIELDS, "sequence": 8},
            reason="moved to another place",
        )
        add(
            f"{title}, number as text",
            good,
            fields={**FIELDS, "sequence": "7"},
            reason="a field has another type",
        )
        add(f"{title}, less bound", good, fields={"kind": "turn"}, reason="fewer fields are bound")
        add(
            f"{title}, no commitment",
            envelope(suite, KEY, b"x", bound, commitment=bytes(32)),
            reason="the ciphertext is good but nothing commits to the key",
        )
        add(
            f"{title}, foreign commitment",
            envelope(
                suite, KEY, b"x", bound, commitment=envelope(suite, OTHER, b"x", bound)[34:66]
            ),
            reason="the commitment is to another key",
        )
        add(
            f"{title}, renamed suite",
            bytes([1, 3 - suite]) + good[2:],
            reason="the header names another suite than it was sealed with",
        )
    add("suite 0", envelope(0, KEY, b"x", bound), reason="there is no suite 0")
    add("suite 3", envelope(3, KEY, b"x", bound), reason="there is no suite 3 yet")
    add("version 0", envelope(1, KEY, b"x", bound, version=0), reason="there is no version 0")
    add("version 2", envelope(1, KEY, b"x", bound, version=2), reason="there is no version 2 yet")
    add("nothing", b"", reason="empty")
    add("header only", b"\1\1", reason="cut after the header")
    add("zeros", bytes(120), reason="no envelope at all")
    json.dump(vectors, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()

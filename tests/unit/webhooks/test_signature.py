"""The signature of the Standard Webhooks specification."""

from __future__ import annotations

import base64

import pytest

from gatehouse.errors import InvalidInput
from gatehouse.webhooks.signature import is_signed, read_secret, sign, write_secret

BODY = b'{"test": 2432232314}'
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330


def test_the_specifications_example() -> None:
    """The signature that the specification's own libraries print for their example."""
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "test")
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == sign([key], ID, AT, BODY)


def test_one_signature_per_secret_so_that_both_are_accepted_during_a_rotation() -> None:
    """A receiver that knows only the old or only the new secret takes the message."""
    header = sign([b"n" * 32, b"o" * 32], ID, AT, BODY)
    assert 2 == len(header.split())
    for key in (b"n" * 32, b"o" * 32):
        assert is_signed([key], ID, AT, BODY, header)
    assert not is_signed([b"x" * 32], ID, AT, BODY, header)


@pytest.mark.parametrize(
    ("message_id", "at", "body"),
    [(ID + "x", AT, BODY), (ID, AT + 1, BODY), (ID, AT, BODY + b" ")],
    ids=["id", "time", "body"],
)
def test_every_part_is_signed(message_id: str, at: int, body: bytes) -> None:
    """A changed id, time or body does not pass."""
    key = b"k" * 32
    assert not is_signed([key], message_id, at, body, sign([key], ID, AT, BODY))


@pytest.mark.parametrize("header", ["", "v1,", "v1", "v2,abc", "v1a,abc", "v1,é", "v1,abc " * 50])
def test_other_headers_do_not_pass(header: str) -> None:
    """Nothing, another version, no base64, or very many signatures."""
    assert not is_signed([b"k" * 32], ID, AT, BODY, header)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", "whsec_c2hvcnQ="]
)
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    """Without the prefix, without base64 or too short; the message does not repeat it."""
    with pytest.raises(InvalidInput) as refused:
        read_secret(text, "secrets/crm")
    assert "secrets/crm" in refused.value.message
    assert not text or text not in refused.value.message


def test_a_secret_survives_writing() -> None:
    """What is written is read again."""
    assert b"k" * 32 == read_secret(write_secret(b"k" * 32) + "\n", "test")
    assert base64.b64encode(b"k" * 32).decode() in write_secret(b"k" * 32)

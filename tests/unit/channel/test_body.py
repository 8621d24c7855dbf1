"""A doubtful body is refused before any field is read."""

from __future__ import annotations

import pytest

from gatehouse.channel.body import only, parse_object, text_field
from gatehouse.channel.failures import ApiError


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1}{"b":2}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"[" * 5 + b"]" * 5 + b"}",
        b"[" * 9000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_anything_but_one_flat_object_is_refused(raw: bytes) -> None:
    """Not JSON, not an object, repeated keys, too deep, too long a number: 400."""
    with pytest.raises(ApiError) as refused:
        parse_object(raw)
    assert 400 == refused.value.status


def test_brackets_inside_text_do_not_count() -> None:
    """Depth is counted outside strings only."""
    raw = rb'{"text":"[[[[[[[[\"[["}'
    assert {"text": '[[[[[[[["[['} == parse_object(raw)


@pytest.mark.parametrize("value", [None, 1, True, [], {}, "", "x" * 9, "\ud800"])
def test_a_field_must_be_text_of_the_right_length(value: object) -> None:
    """A missing, non-text, empty, long or broken value is refused."""
    with pytest.raises(ApiError):
        text_field({"name": value}, "name", 8)


def test_unknown_fields_are_refused() -> None:
    """What is not expected is not ignored."""
    with pytest.raises(ApiError):
        only({"text": "a", "sender": "b"}, ["text"])

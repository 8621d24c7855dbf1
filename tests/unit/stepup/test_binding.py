"""What a challenge is bound to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.errors import InvalidInput
from gatehouse.stepup import Resume
from gatehouse.stepup.binding import (
    Subject,
    Tags,
    canonical_values,
    decode_subject,
    encode_subject,
)

from .conftest import CONVERSATION, KEY, PERSON, SESSION

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.dictionaries(TEXT, TEXT, max_size=5)
SUBJECT = Subject(
    PERSON,
    SESSION,
    CONVERSATION,
    "change_bank_account",
    {"iban": "DE89370400440532013000"},
    "n" * 32,
    "change your account to DE89 … 3000",
    Resume("action", "action_change_bank_account", (("iban", "DE89"),), "change my account"),
)
TAGS = Tags(KEY)


@given(VALUES, VALUES)
def test_canonical_values_are_injective(one: dict[str, str], other: dict[str, str]) -> None:
    """Two sets of values have the same bytes exactly when they are the same."""
    assert (one == other) == (canonical_values(one) == canonical_values(other))


@given(VALUES, st.randoms())
def test_the_order_of_values_does_not_matter(values: dict[str, str], random: object) -> None:
    """The same values in any order have the same bytes."""
    items = list(values.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical_values(values) == canonical_values(dict(items))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "bc"}, {"ab": "c"}),
        ({"a": "b", "c": "d"}, {"a": "bcd"}),
        ({}, {"": ""}),
        ({"a": ""}, {}),
        ({"a": "1"}, {"a": "1 "}),
        ({"name": "é"}, {"name": "e\u0301"}),
        ({"a\x00": "b"}, {"a": "\x00b"}),
    ],
)
def test_values_that_look_alike_differ(one: dict[str, str], other: dict[str, str]) -> None:
    """Moving a boundary, adding a blank or another spelling gives other bytes."""
    assert canonical_values(one) != canonical_values(other)


@pytest.mark.parametrize(
    "values",
    [
        {"a": 1},
        {"a": None},
        {1: "a"},
        {"a": "\ud800"},
        {"a": "x" * 1001},
        {str(n): "" for n in range(33)},
        {"a": ["b"]},
    ],
)
def test_what_cannot_be_bound_is_refused(values: dict[str, str]) -> None:
    """Anything but a few short texts is refused with a clear error."""
    with pytest.raises(InvalidInput):
        canonical_values(values)


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "p-ffffffffffff"},
        {"session_id": "6" * 32},
        {"conversation_id": "d" * 32},
        {"intent": "view_payslip"},
        {"nonce": "0" * 32},
    ],
)
def test_every_part_of_a_request_changes_its_binding(change: dict[str, str]) -> None:
    """Person, session, conversation, intent and nonce are all part of what was approved."""
    other = replace(SUBJECT, **change)  # type: ignore[arg-type]
    assert TAGS.binding(SUBJECT, SUBJECT.values) != TAGS.binding(other, SUBJECT.values)


@given(VALUES)
def test_other_values_change_the_binding(values: dict[str, str]) -> None:
    """Only the very same values give the same binding."""
    same = values == SUBJECT.values
    assert same == (TAGS.binding(SUBJECT, SUBJECT.values) == TAGS.binding(SUBJECT, values))


def test_fields_cannot_be_shifted_into_each_other() -> None:
    """A boundary between two neighbouring fields cannot be moved."""
    one = replace(SUBJECT, person_id="ab", session_id="c")
    other = replace(SUBJECT, person_id="a", session_id="bc")
    assert TAGS.binding(one, {}) != TAGS.binding(other, {})


def test_tags_depend_on_kind_and_key() -> None:
    """One id has another tag as person, as session and under another key."""
    tags = {TAGS.of("person", "x"), TAGS.of("session", "x"), Tags(bytes(32)).of("person", "x")}
    assert 3 == len(tags)


@given(VALUES, TEXT, TEXT)
def test_a_request_survives_storage(values: dict[str, str], prompt: str, display: str) -> None:
    """What is sealed is what comes back, in every field."""
    resume = Resume("intent", "x", (("a", display), ("a", "2")), display)
    subject = replace(SUBJECT, values=values, prompt=prompt, resume=resume)
    assert subject == decode_subject(encode_subject(subject))

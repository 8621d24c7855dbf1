"""Browsers are named in our own words and told apart by what they call themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from gatehouse.identity import Person, SessionEnded, Sessions
from gatehouse.identity.browsers import browser_name, browser_tag
from gatehouse.identity.schema import sessions as table

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Linux"),
        (CHROME + " Edg/142.0", "Edge on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.1", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_browsers_are_named(user_agent: str, name: str) -> None:
    """As their owner would call them."""
    assert name == browser_name(user_agent)


@given(st.text(max_size=300))
def test_a_name_never_quotes_the_header(user_agent: str) -> None:
    """Whatever the header holds, only words of ours are stored."""
    assert len(browser_name(user_agent)) <= 40
    assert "<" not in browser_name(user_agent)
    assert browser_tag(b"k" * 32, user_agent) == browser_tag(b"k" * 32, user_agent)


def test_another_browser_ends_the_session(sessions: Sessions, erin: Person) -> None:
    """And it stays ended for the first one."""
    token, _ = sessions.open(erin, CHROME)
    assert "Chrome on Linux" == sessions.resolve(token, CHROME).browser
    for user_agent in ("other", CHROME):
        with pytest.raises(SessionEnded) as ended:
            sessions.resolve(token, user_agent)
        assert ("browser", erin.id) == (ended.value.reason, ended.value.person_id)


def test_the_tag_cannot_be_taken_off(engine: Engine, sessions: Sessions, erin: Person) -> None:
    """Whoever can write the table cannot make a session good for every browser."""
    token, _ = sessions.open(erin, CHROME)
    with engine.begin() as connection:
        connection.execute(table.update().values(browser_tag=""))
    with pytest.raises(SessionEnded) as ended:
        sessions.resolve(token, "other")
    assert "tampered" == ended.value.reason

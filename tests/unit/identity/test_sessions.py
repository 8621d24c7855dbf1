"""Sign-in sessions."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from gatehouse.clock import SettableClock
from gatehouse.identity import Person, SessionEnded, Sessions
from gatehouse.identity.schema import metadata
from gatehouse.identity.schema import sessions as table
from gatehouse.identity.sessions import CLOCK_TOLERANCE, TOUCH_EVERY
from gatehouse.settings import Session as SessionSettings

from .conftest import KEY

IDLE, ABSOLUTE = 900, 28800


def why_ended(sessions: Sessions, token: object) -> str:
    with pytest.raises(SessionEnded) as ended:
        sessions.resolve(token)
    assert ended.value.message
    return ended.value.reason


def overwrite(engine: Engine, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(table.update().values(**values))


def test_a_token_leads_to_its_session(sessions: Sessions, erin: Person) -> None:
    """What `open` returned is what the token resolves to."""
    token, session = sessions.open(erin)
    assert session == sessions.resolve(token) == sessions.get(session.id)
    assert (erin.id, 1, None) == (session.person_id, session.aal, session.aal_at)
    assert re.fullmatch(r"[0-9a-f]{32}", session.conversation_id)


def test_a_session_prints_no_secret(sessions: Sessions, erin: Person) -> None:
    """One that ends up in a log line by mistake shows neither CSRF value nor conversation id."""
    _, session = sessions.open(erin)
    assert [False, False] == [t in repr(session) for t in (session.csrf, session.conversation_id)]


def test_the_server_chooses_everything_anew(sessions: Sessions, erin: Person) -> None:
    """Two sign-ins of one person share no token, session, conversation or CSRF value."""
    (token_a, a), (token_b, b) = sessions.open(erin), sessions.open(erin)
    values = {token_a, token_b, a.id, b.id, a.conversation_id, b.conversation_id, a.csrf, b.csrf}
    assert 8 == len(values)


def test_secrets_have_the_bits_that_are_claimed(
    sessions: Sessions, erin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token is 32 bytes of the operating system's generator, an id 16 (ASVS v5.0.0-7.2.3, 11.5.1)."""
    drawn: list[bytes] = []

    def draw(length: int) -> bytes:
        drawn.append(os.urandom(length))
        return drawn[-1]

    monkeypatch.setattr("secrets.token_bytes", draw)
    token, session = sessions.open(erin)
    expected = base64.urlsafe_b64encode(next(one for one in drawn if len(one) == 32)).rstrip(b"=")
    assert expected.decode() == token
    assert {session.id, session.conversation_id} <= {one.hex() for one in drawn if len(one) == 16}


@pytest.mark.parametrize(
    "token", [None, "", 5, b"x" * 43, "x" * 43, "x" * 10**6, "é" * 43, ["a"], {"a": 1}, "\x00" * 43]
)
def test_garbage_is_no_session(sessions: Sessions, erin: Person, token: object) -> None:
    """Whatever a browser sends in place of a token resolves to nobody."""
    sessions.open(erin)
    assert "unknown" == why_ended(sessions, token)


def test_neither_token_nor_conversation_is_in_the_database(
    engine: Engine, sessions: Sessions, erin: Person
) -> None:
    """The table holds a hash and a sealed record; neither secret nor CSRF value appears."""
    token, session = sessions.open(erin)
    with engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump()).lower()
    hidden = [token.lower(), session.conversation_id, session.csrf]
    hidden += [text.encode().hex() for text in hidden]
    assert [] == [text for text in hidden if text in dump]
    assert hashlib.sha256(token.encode()).hexdigest() in dump


def test_a_session_ends_when_idle(sessions: Sessions, clock: SettableClock, erin: Person) -> None:
    """To the second, and reading alone does not keep it alive."""
    token, _ = sessions.open(erin)
    clock.advance(IDLE - 1)
    sessions.resolve(token)
    clock.advance(1)
    assert "idle" == why_ended(sessions, token)


def test_activity_keeps_a_session_until_its_longest_time(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """However active, a session ends at the absolute limit."""
    token, session = sessions.open(erin)
    for _ in range(ABSOLUTE // 600 - 1):
        clock.advance(600)
        sessions.touch(session.id)
    clock.advance(599)
    assert session.id == sessions.resolve(token).id
    clock.advance(1)
    assert "absolute" == why_ended(sessions, token)


def test_quick_messages_write_once_and_never_prolong(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """Within a few seconds nothing is written; the end comes that much earlier, and is said so."""
    token, session = sessions.open(erin)
    clock.advance(TOUCH_EVERY)
    last = sessions.touch(session.id)
    assert clock.now() == last
    clock.advance(TOUCH_EVERY - 1)
    assert last == sessions.touch(session.id) == sessions.resolve(token).last_seen_at
    assert sessions.is_fresh(sessions.resolve(token))
    clock.advance(1)
    assert not sessions.is_fresh(sessions.resolve(token))
    clock.advance(-1)
    clock.advance(IDLE - TOUCH_EVERY + 1)
    assert "idle" == why_ended(sessions, token)


def test_an_ended_session_cannot_be_touched_alive(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """Touching or renewing an ended session is refused and revives nothing."""
    token, session = sessions.open(erin)
    clock.advance(IDLE)
    attempts = (
        lambda: sessions.touch(session.id),
        lambda: sessions.renew_conversation(session.id),
    )
    for attempt in attempts:
        with pytest.raises(SessionEnded):
            attempt()
    assert "idle" == why_ended(sessions, token)


@pytest.mark.parametrize(("wait", "reason"), [(IDLE, "idle"), (ABSOLUTE, "absolute")])
def test_a_clock_that_goes_back_revives_nothing(
    sessions: Sessions, clock: SettableClock, erin: Person, wait: int, reason: str
) -> None:
    """Seen as over once, over for good."""
    token, _ = sessions.open(erin)
    clock.advance(wait)
    assert reason == why_ended(sessions, token)
    clock.advance(-wait)
    assert reason == why_ended(sessions, token)


def test_the_sweep_ends_what_nobody_looked_at(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """After a sweep a clock that goes back finds no open session, seen or not."""
    token, _ = sessions.open(erin)
    clock.advance(IDLE)
    assert 1 == sessions.expire()
    clock.advance(-IDLE)
    assert "idle" == why_ended(sessions, token)


def test_a_clock_far_behind_the_last_activity_ends_a_session(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """A small correction is tolerated; after a jump nobody can say how old a session is."""
    token, session = sessions.open(erin)
    clock.advance(-CLOCK_TOLERANCE)
    assert session == sessions.resolve(token)
    clock.advance(-1)
    assert "clock" == why_ended(sessions, token)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(min_value=-2 * ABSOLUTE, max_value=2 * ABSOLUTE), max_size=8))
def test_once_ended_always_ended(
    sessions: Sessions, clock: SettableClock, erin: Person, jumps: list[int]
) -> None:
    """Whatever the clock does, no session comes back after it was refused."""
    token, _ = sessions.open(erin)
    over = False
    for jump in jumps:
        clock.advance(jump)
        try:
            sessions.resolve(token)
            assert not over
        except SessionEnded:
            over = True


def test_signing_out_ends_one_session(sessions: Sessions, erin: Person) -> None:
    """The token is dead at once; the other browser stays signed in."""
    (token, session), (other, _) = sessions.open(erin), sessions.open(erin)
    assert [True, False] == [sessions.close(session.id), sessions.close(session.id)]
    assert "signed_out" == why_ended(sessions, token)
    assert erin.id == sessions.resolve(other).person_id


def test_sign_out_everywhere_ends_all_of_one_person(sessions: Sessions, erin: Person) -> None:
    """All sessions of the person end and nobody else's."""
    tokens = [sessions.open(erin)[0] for _ in range(3)]
    stranger = Person("p-ffffffffffff", *("x",) * 2, frozenset(), *("",) * 3, *(False,) * 3)
    other, _ = sessions.open(stranger)
    assert 3 == sessions.close_all(erin.id)
    assert ["signed_out"] * 3 == [why_ended(sessions, token) for token in tokens]
    assert stranger.id == sessions.resolve(other).person_id


def test_ending_erases_the_conversation_id(
    engine: Engine, sessions: Sessions, erin: Person
) -> None:
    """Nothing links a person to a conversation after the session ended."""
    _, session = sessions.open(erin)
    sessions.close(session.id)
    with engine.connect() as connection:
        assert b"" == connection.execute(sa.select(table.c.conversation)).scalar_one()


def test_a_renewed_conversation_is_another_one(sessions: Sessions, erin: Person) -> None:
    """The session goes on with the same token in a fresh conversation."""
    token, session = sessions.open(erin)
    renewed = sessions.renew_conversation(session.id)
    assert renewed == sessions.resolve(token)
    assert session.conversation_id != renewed.conversation_id


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "p-000000000001"},
        {"aal": 2},
        {"aal_at": 1.0},
        {"started_at": 1_800_000_000.5},
        {"conversation": b"\x01\x01" + b"\x00" * 120},
        {"conversation": b""},
    ],
)
def test_an_edited_row_opens_for_nobody(
    engine: Engine, sessions: Sessions, erin: Person, change: dict[str, object]
) -> None:
    """Whoever can write the table cannot make a session another person's, older or stronger."""
    token, _ = sessions.open(erin)
    overwrite(engine, **change)
    assert "tampered" == why_ended(sessions, token)
    assert "tampered" == why_ended(sessions, token)


def test_a_planted_token_hash_opens_nothing(
    engine: Engine, sessions: Sessions, erin: Person
) -> None:
    """Writing the hash of a known token into somebody's session does not open it."""
    sessions.open(erin)
    planted = "A" * 43
    overwrite(engine, token_hash=hashlib.sha256(planted.encode()).hexdigest())
    assert "tampered" == why_ended(sessions, planted)


def test_another_key_opens_nothing(
    engine: Engine, clock: SettableClock, sessions: Sessions, erin: Person
) -> None:
    """The table alone, under another key, holds no usable session."""
    token, _ = sessions.open(erin)
    stolen = Sessions(engine, clock, SessionSettings(idle=IDLE, absolute=ABSOLUTE), bytes(32))
    assert "tampered" == why_ended(stolen, token)


def test_the_sessions_of_a_person_are_listed(
    sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """Open ones, oldest first, without those that are over."""
    _, first = sessions.open(erin)
    clock.advance(IDLE - 10)
    _, second = sessions.open(erin)
    assert (first, second) == sessions.of_person(erin.id)
    clock.advance(10)
    assert (second,) == sessions.of_person(erin.id)


def test_old_rows_are_deleted(
    engine: Engine, sessions: Sessions, clock: SettableClock, erin: Person
) -> None:
    """A day after its end nothing of a session is left; an open one is never deleted."""
    token, session = sessions.open(erin)
    assert 0 == sessions.prune()
    sessions.close(session.id)
    clock.advance(86401)
    assert 1 == sessions.prune()
    assert "unknown" == why_ended(sessions, token)


def test_a_race_between_sign_out_and_activity_ends_signed_out(
    any_engine: Engine, clock: SettableClock, erin: Person
) -> None:
    """However many requests are under way, none keeps a session alive that was closed."""
    sessions = Sessions(any_engine, clock, SessionSettings(idle=IDLE, absolute=ABSOLUTE), KEY)
    token, session = sessions.open(erin)
    clock.advance(1)

    def act(number: int) -> None:
        try:
            sessions.close(session.id) if number == 10 else sessions.touch(session.id)
        except SessionEnded:
            assert number != 10

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(act, range(20)))
    assert "signed_out" == why_ended(sessions, token)


def test_changes_at_once_do_not_undo_each_other(
    any_engine: Engine, clock: SettableClock, erin: Person
) -> None:
    """Renewing the conversation and being seen at the same time leave a session that opens, in the last conversation."""
    sessions = Sessions(any_engine, clock, SessionSettings(idle=IDLE, absolute=ABSOLUTE), KEY)
    for _ in range(5):
        token, session = sessions.open(erin)
        clock.advance(TOUCH_EVERY + 1)
        with ThreadPoolExecutor(9) as pool:
            seen = [pool.submit(sessions.touch, session.id) for _ in range(4)]
            renewed = [pool.submit(sessions.renew_conversation, session.id) for _ in range(4)]
        assert [] == [one.exception() for one in (*seen, *renewed) if one.exception()]
        conversations = {one.result().conversation_id for one in renewed}
        assert 4 == len(conversations)
        assert sessions.resolve(token).conversation_id in conversations


@pytest.mark.parametrize("session_id", ["", "0" * 32, "x" * 1000])
def test_an_unknown_session_cannot_be_changed(sessions: Sessions, session_id: str) -> None:
    """Every change of a session that is not there is refused as unknown."""
    changes = (sessions.touch, sessions.renew_conversation, sessions.get)
    for change in changes:
        with pytest.raises(SessionEnded) as ended:
            change(session_id)
        assert "unknown" == ended.value.reason
    assert not sessions.close(session_id)


def test_metadata_names_only_own_tables() -> None:
    """Every table of the package carries the prefix of Gatehouse."""
    assert [] == [name for name in metadata.tables if not name.startswith("gh_")]

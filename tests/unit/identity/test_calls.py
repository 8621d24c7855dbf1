"""Calls between Rasa and the action server: whoever is not the other side is not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.clock import SettableClock
from gatehouse.identity import calls
from gatehouse.identity.calls import SIGNATURE, WINDOW, Call, Callee, Caller, CallRefused
from tests.signing import FixedKeys

NOW = 1_800_000_000.0
KEYS = FixedKeys(bytes(range(32)))
CALL = Call("POST", "/webhook", "", b'{"next_action": "action_view_salary"}')
ADMITTED = "a" * 64


def callee(now: float = NOW) -> Callee:
    made = Callee(KEYS, SettableClock(NOW - 3600))
    made._clock = SettableClock(now)
    return made


def signed(now: float = NOW, keys: FixedKeys = KEYS) -> dict[str, str]:
    return Caller(keys, SettableClock(now)).sign(CALL, ADMITTED)


def reason_for(call: Call, headers: dict[str, str], now: float = NOW) -> str:
    with pytest.raises(CallRefused) as refused:
        callee(now).check(call, headers)
    return refused.value.reason


def test_a_signed_call_is_believed() -> None:
    """And says what the dialogue policy let through."""
    assert ADMITTED == callee().check(CALL, signed())


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"path": "/actions"},
        {"encoding": "deflate"},
        {"body": b'{"next_action": "action_view_colleague"}'},
        {"body": b""},
    ],
)
def test_a_changed_call_is_refused(change: dict[str, object]) -> None:
    """Every part of a call is under its signature."""
    assert "signature" == reason_for(replace(CALL, **change), signed())


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("x-gatehouse-admitted", "b" * 64, "signature"),
        ("x-gatehouse-admitted", "", "signature"),
        ("x-gatehouse-time", str(int(NOW * 1000) + 1), "signature"),
        ("x-gatehouse-time", "-1", "malformed"),
        ("x-gatehouse-time", "9" * 400, "malformed"),
        ("x-gatehouse-nonce", "0" * 32, "signature"),
        ("x-gatehouse-nonce", "é" * 32, "malformed"),
        ("x-gatehouse-key", "0" * 16, "unknown_key"),
        (SIGNATURE, "0" * 64, "signature"),
        (SIGNATURE, "\ud800", "signature"),
        (SIGNATURE, "", "signature"),
    ],
)
def test_a_changed_header_is_refused(header: str, value: str, reason: str) -> None:
    """So is everything that says who calls, when and for what."""
    assert reason == reason_for(CALL, {**signed(), header: value})


@pytest.mark.parametrize("header", sorted(signed()))
def test_every_header_is_required(header: str) -> None:
    """Leaving one out is refused."""
    rest = {name: value for name, value in signed().items() if name != header}
    assert reason_for(CALL, rest) in {"unsigned", "malformed"}


def test_another_key_is_refused() -> None:
    """Whoever has no key of the ring cannot call, under its own key id or ours."""
    foreign = signed(keys=FixedKeys(bytes(32)))
    ours = {**foreign, "x-gatehouse-key": KEYS.newest().id}
    assert ["unknown_key", "signature"] == [reason_for(CALL, foreign), reason_for(CALL, ours)]


def test_a_repeated_call_is_refused() -> None:
    """A call that was recorded on the way works once."""
    server, headers = callee(), signed()
    server.check(CALL, headers)
    with pytest.raises(CallRefused) as refused:
        server.check(CALL, headers)
    assert "replayed" == refused.value.reason


@pytest.mark.parametrize(
    ("late", "reason"), [(WINDOW + 1, "stale"), (-WINDOW - 1, "future"), (86400, "stale")]
)
def test_old_and_future_calls_are_refused(late: float, reason: str) -> None:
    """Beyond a minute of travel or of difference between two clocks."""
    assert reason == reason_for(CALL, signed(), NOW + late)


@pytest.mark.parametrize("skew", [-30.0, 30.0])
def test_clocks_may_differ_by_half_a_minute(skew: float) -> None:
    """Two hosts need not agree to the second."""
    assert ADMITTED == callee(NOW + skew).check(CALL, signed())


def test_a_restart_does_not_make_a_call_good_again() -> None:
    """A new process knows no nonces, so it believes nothing from before its start."""
    headers = signed()
    with pytest.raises(CallRefused) as refused:
        Callee(KEYS, SettableClock(NOW + 1)).check(CALL, headers)
    assert "stale" == refused.value.reason


@pytest.mark.parametrize("jump", [-30.0, -3600.0, 30.0, 119.0])
def test_a_jumping_clock_does_not_make_a_call_good_again(jump: float) -> None:
    """Whether it goes back or ahead, a call that was seen stays seen while it could be believed."""
    clock = SettableClock(NOW)
    server = Callee(KEYS, SettableClock(NOW - 86400))
    server._clock = clock
    headers = signed()
    server.check(CALL, headers)
    clock.advance(jump)
    with pytest.raises(CallRefused):
        server.check(CALL, headers)


def test_memory_of_calls_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When more calls are under way than it can remember, it refuses instead of forgetting."""
    monkeypatch.setattr(calls, "MOST_NONCES", 3)
    server = callee()
    for _ in range(3):
        server.check(CALL, signed())
    with pytest.raises(CallRefused) as refused:
        server.check(CALL, signed())
    server._clock = SettableClock(NOW + 2 * WINDOW + 1)
    assert ("busy", ADMITTED) == (
        refused.value.reason,
        server.check(CALL, signed(NOW + 2 * WINDOW + 1)),
    )


@given(st.dictionaries(st.sampled_from([*signed(), "other"]), st.text(max_size=80)))
def test_no_headers_raise_anything_else(headers: dict[str, str]) -> None:
    """Whatever stands in the headers, the answer is a refusal."""
    with pytest.raises(CallRefused):
        callee().check(CALL, headers)


def test_an_answer_belongs_to_its_call() -> None:
    """Neither another answer, nor another status, nor the answer to another call is believed."""
    caller, server = Caller(KEYS, SettableClock(NOW)), callee()
    sent, other = caller.sign(CALL), caller.sign(CALL)
    good = server.sign_answer(sent, 200, b"{}")
    caller.check_answer(sent, 200, b"{}", good)
    wrong = [
        (sent, 200, b"{ }", good),
        (sent, 500, b"{}", good),
        (other, 200, b"{}", good),
        (sent, 200, b"{}", None),
        (sent, 200, b"{}", sent[SIGNATURE]),
    ]
    for attempt in wrong:
        with pytest.raises(CallRefused):
            caller.check_answer(*attempt)

"""A person's own sessions in the chat: all of them, nobody else's, and their end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from actions import sessions as module
from actions.sessions import SignOutEverywhere, ViewSessions
from tests.unit.actions.conftest import ERIN, NOW, turn


class Runtime:
    """Sessions of Erin, and what was done to them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.mine = [self._session("s1", "Firefox on Windows"), self._session("s2", "")]
        self.sessions = SimpleNamespace(
            of_person=lambda person: tuple(self.mine) if person == f"p-{ERIN}" else (),
            close=lambda session: self.calls.append(("close", session)),
        )
        self.step_up = SimpleNamespace(
            forget_session=lambda session: self.calls.append(("forget", session))
        )
        self.audit = SimpleNamespace(append=self._append)
        self.broken = False

    def _append(self, kind: str, **facts: Any) -> None:
        if self.broken:
            raise RuntimeError("disk full")
        self.calls.append((kind, facts["person"], facts["extent"], facts["sessions"]))

    @staticmethod
    def _session(session_id: str, browser: str) -> SimpleNamespace:
        at = NOW.timestamp()
        return SimpleNamespace(
            id=session_id, browser=browser, started_at=at - 3600, last_seen_at=at - 60
        )


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime()
    monkeypatch.setattr(module, "_runtime", lambda: made)
    return made


def test_every_session_is_named(runtime: Runtime) -> None:
    """With its browser and times, and which one is this; ids stay inside."""
    (message,) = ViewSessions().perform(turn()).messages
    assert message.text is not None
    assert "signed in 2 times" in message.text
    assert "Firefox on Windows (this one): since 23 November 2026 at 09:00" in message.text
    assert "a browser without a name: since" in message.text
    assert "s2" not in message.text
    assert ["/sign_out_everywhere"] == [button.payload for button in message.buttons]


def test_one_session_is_once(runtime: Runtime) -> None:
    """Not "1 times"."""
    runtime.mine.pop()
    assert "You are signed in once." in str(ViewSessions().perform(turn()).messages[0].text)


def test_all_of_them_end_after_the_entry(runtime: Runtime) -> None:
    """Recorded first; then every session of this person, with what waits in it."""
    SignOutEverywhere().perform(turn())
    assert [
        ("sign_out", f"p-{ERIN}", "everywhere", 2),
        *(("close", "s1"), ("forget", "s1"), ("close", "s2"), ("forget", "s2")),
    ] == runtime.calls


def test_without_the_entry_nothing_ends(runtime: Runtime) -> None:
    """A log that cannot be written leaves everything as it is."""
    runtime.broken = True
    with pytest.raises(RuntimeError):
        SignOutEverywhere().perform(turn())
    assert [] == runtime.calls

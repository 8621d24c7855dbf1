"""Where a person is signed in, and ending all of it from the chat.

Shows a person's own sessions and no others. Signing out everywhere ends this session too: the answer
is the last thing that it sends.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from actions.answering import button
from actions.wording import day, lines
from gatehouse.clock import as_datetime
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Message, Reply, Turn

if TYPE_CHECKING:
    from gatehouse.identity import Session
    from gatehouse.runtime import Runtime

UNKNOWN_BROWSER = "a browser without a name"
MOST = 20


class ViewSessions(GuardedAction):
    """Lists where the person is signed in."""

    intent = "view_sessions"

    def perform(self, turn: Turn) -> Reply:
        found = _runtime().sessions.of_person(turn.person.person_id)
        items = [_shown(one, turn) for one in found[-MOST:]]
        times = "once" if len(found) == 1 else f"{len(found)} times"
        text = lines(f"You are signed in {times}.", items)
        offers = (button("Sign out everywhere", "sign_out_everywhere"),)
        return Reply((Message(text=text, buttons=offers),))


class SignOutEverywhere(GuardedAction):
    """Ends every session of the person, this one included."""

    intent = "sign_out_everywhere"

    def perform(self, turn: Turn) -> Reply:
        runtime, person = _runtime(), turn.person.person_id
        found = runtime.sessions.of_person(person)
        runtime.audit.append("sign_out", person=person, extent="everywhere", sessions=len(found))
        for session in found:
            runtime.sessions.close(session.id)
            runtime.step_up.forget_session(session.id)
        text = "You are signed out everywhere, here as well. Sign in again to go on."
        return Reply((Message(text=text),))


def _shown(session: Session, turn: Turn) -> str:
    here = " (this one)" if session.id == turn.person.session_id else ""
    return (
        f"{session.browser or UNKNOWN_BROWSER}{here}: since {_moment(session.started_at, turn)}, "
        f"last active on {_moment(session.last_seen_at, turn)}"
    )


def _moment(seconds: float, turn: Turn) -> str:
    local: datetime = as_datetime(seconds).astimezone(turn.now.tzinfo)
    return f"{day(local.date())} at {local:%H:%M}"


def _runtime() -> Runtime:
    from gatehouse.runtime import current

    return current()

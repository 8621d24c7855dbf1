"""What Gatehouse stores about a person: seeing it, taking it along, erasing it, ending a conversation.

The actions only ask for it; the channel carries it out after the turn, when this turn itself is
stored. Nothing is erased or handed out from inside an action.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from actions.answering import button
from actions.wording import day, days, lines
from gatehouse.clock import as_datetime
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Message, Reply, Turn

if TYPE_CHECKING:
    from gatehouse.runtime import Runtime


MOST_CONVERSATIONS = 5
ELSEWHERE = (
    "Your manager and your colleagues cannot read this chat. "
    "A log of decisions (who asked for what kind of thing, and whether it was allowed) is kept "
    "without your words. Your employment records are kept by HR."
)


class ViewStoredData(GuardedAction):
    """Says what is stored, how long, and what the person can do about it."""

    intent = "view_stored_data"

    def perform(self, turn: Turn) -> Reply:
        stored = _runtime().conversations.summary(turn.person.person_id)
        items = [
            f"a conversation begun on {_moment(one.started_at, turn)}: "
            f"{days(one.turns, 'message')} so far, erased for good on "
            f"{_moment(one.expires_at, turn)}{'' if one.fixed else ' if nothing is added'}"
            for one in stored[-MOST_CONVERSATIONS:]
        ]
        number = days(len(stored), "conversation")
        heading = (
            f"Stored about you, encrypted: {number}."
            if stored
            else "No conversation of yours is stored."
        )
        items += [
            f"kept by a legal hold since {_moment(hold.approved_at or hold.proposed_at, turn)}: "
            f"{days(len(hold.handles), 'conversation')}, reason: {hold.reason}; after the end "
            "readable for the named holders alone, until the hold is released"
            for hold in _runtime().holds.shown_to(turn.person.person_id)
        ]
        items += [
            f"the front end “{one.name}” ({one.domain}), which may speak for you until "
            f"{_moment(one.expires_at, turn)}; you can end it in your account"
            for one in _runtime().front_ends.of_person(turn.person.person_id)
        ]
        text = f"{lines(heading, items)}\n{ELSEWHERE}"
        offers = (
            button("Export it", "export_stored_data"),
            button("Erase it", "erase_stored_data"),
        )
        return Reply((Message(text=text, buttons=offers),))


class ExportStoredData(GuardedAction):
    """Offers a download that works once."""

    intent = "export_stored_data"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "export everything that is stored about your conversations"

    def perform(self, turn: Turn) -> Reply:
        person, session = turn.person.person_id, turn.person.session_id
        exports = _runtime().exports
        offers = [
            {
                "gatehouse": "download",
                "ticket": exports.create(person, session, form),
                "title": title,
            }
            for form, title in (("page", "Download to read"), ("json", "Download as JSON"))
        ]
        text = "Your data is ready, as a page to read and as JSON. Each link works once, in this session."
        return Reply((Message(text=text), *(Message(custom=offer) for offer in offers)))


class EraseStoredData(GuardedAction):
    """Erases every stored conversation of the person, this one included."""

    intent = "erase_stored_data"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "erase all your stored conversations for good, and sign you out everywhere else"

    def perform(self, turn: Turn) -> Reply:
        _runtime().rights.request_erasure(turn.person.person_id, turn.person.session_id)
        return Reply(
            (
                Message(
                    text="All your stored conversations are being erased, this one included, and you "
                    "are signed out everywhere else. Their keys are destroyed, so old backups cannot "
                    "be read either, except where a legal hold keeps a sealed copy for its named "
                    "holders. Records of your employment are kept elsewhere and are not affected."
                ),
                Message(custom={"gatehouse": "conversation_ended"}),
            )
        )


class EndConversation(GuardedAction):
    """Ends this conversation."""

    intent = "end_conversation"

    def perform(self, turn: Turn) -> Reply:
        _runtime().conversations.request_end(turn.conversation_id)
        return Reply(
            (
                Message(response="utter_conversation_ended"),
                Message(custom={"gatehouse": "conversation_ended"}),
            )
        )


def _runtime() -> Runtime:
    from gatehouse.runtime import current

    return current()


def _moment(seconds: float, turn: Turn) -> str:
    local: datetime = as_datetime(seconds).astimezone(turn.now.tzinfo)
    return f"{day(local.date())} at {local:%H:%M}"

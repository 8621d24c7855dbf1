"""The desk itself: repeating, asking what was meant, stopping, and handing over to a person.

What is repeated is only what this conversation said last. Nothing here reads a record, except that
a hand-over opens a case.
"""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk import Tracker

from actions.answering import DeskAction, button
from actions.date_words import tidy
from actions.forms import CONFIRMED, form_slots
from actions.records.interface import SystemOfRecord
from actions.safety import open_once
from actions.titles import TITLES
from actions.wording import lines
from gatehouse.dialogue.guarded import GuardedAction
from gatehouse.dialogue.turn import Message, Reply, Turn
from gatehouse.dialogue.verified import VerifiedAction

GUESSES = 3
_DANGER = re.compile(
    r"\b(?:suicid\w*|kill\w*|(?:want|wanna|going|like|rather|try) (?:to )?(?:die|be dead)|dead|end(?:ing)? (?:it all|my life)"
    r"|(?:take|taking) my (?:own )?life|liv(?:e|ing) (?:any ?more|on|like this)|(?:worth|point in) living|be alive"
    r"|(?:hurt|harm|cut)(?:ting|ing)? (?:myself|me)|danger|attack\w*|knife|pills|raped?|assault\w*|beats? me|hits? me"
    r"|afraid for my life|miss me|better off without me)\b"
)
OFFERS = {
    "employee": (
        "salary, payslips, pay day and tax",
        "leave: what is left and asking for it",
        "health cover and retirement",
        "your bank account for pay and your home address",
    ),
    "contractor": ("your home address",),
    "manager": ("your team: who is away, and approving leave",),
    "hr_admin": ("looking people up, and the salary bands",),
}
OFFERS_TO_ALL = (
    "public holidays",
    "reporting a security incident",
    "what is stored about you",
    "a person of the HR desk, if you would rather talk to somebody",
)
CODES = "For some things I ask for a code from your authenticator app first."

REPEATABLE = frozenset(
    {
        "action_listen", "action_deactivate_loop", "action_two_stage_fallback",
        "action_default_ask_affirmation", "action_default_ask_rephrase", "action_default_fallback",
        "action_cancel", "action_repeat", "action_request_step_up",
        "action_ask_request_leave_form_confirmed", "action_request_leave",
        "action_view_next_pay_date", "action_view_next_holiday", "action_view_leave_balance",
        "action_view_leave_taken", "action_view_leave_status", "action_view_health_cover",
        "action_change_health_plan", "action_transfer_retirement_plan",
        "action_reset_second_factor", "action_report_security_incident",
        "action_speak_to_person", "action_view_stored_data", "action_ask_capabilities",
    }
)  # fmt: skip
"""Actions whose answer may be said again without asking the rules again; a new one is not."""


class AskAffirmation(VerifiedAction):
    """Asks which of the likeliest intents was meant, in words for people."""

    intent = "nlu_fallback"

    def name(self) -> str:
        return "action_default_ask_affirmation"

    def answer(self, tracker: Tracker) -> Reply:
        ranking = (tracker.latest_message or {}).get("intent_ranking") or []
        names = [item.get("name") for item in ranking if isinstance(item, dict)]
        guesses = [name for name in names if name in TITLES][:GUESSES]
        buttons = [button(TITLES[name], name) for name in guesses]
        if not buttons:
            return Reply((Message(response="utter_ask_rephrase"),))
        buttons.append(button("Something else", "out_of_scope"))
        return Reply((Message(text="I am not sure. Do you mean:", buttons=tuple(buttons)),))


class Repeat(VerifiedAction):
    """Says the last answer again, unless it may have needed a code."""

    intent = "repeat"

    def name(self) -> str:
        return "action_repeat"

    def answer(self, tracker: Tracker) -> Reply:
        texts, actions = _last_answer(tracker.events)
        if any(name.startswith("action_") and name not in REPEATABLE for name in actions):
            return Reply.say("I do not repeat private details. Please ask for them again.")
        if not texts:
            return Reply.say("There is nothing to repeat yet.")
        if tracker.get_slot("requested_slot"):
            # The open form asks its question again by itself, once this action is done.
            texts = texts[:-1]
        return Reply.say(*texts)


class Cancel(GuardedAction):
    """Stops what is open and forgets what was collected for it."""

    intent = "cancel"

    def perform(self, turn: Turn) -> Reply:
        slots = dict.fromkeys((*form_slots(), "approval", "shown_request", "topic"))
        open_form = turn.slots.get("requested_slot") or turn.slots.get(CONFIRMED) is not None
        if open_form:
            return Reply.say("All right, I stopped. Nothing was changed.", slots=slots)
        return Reply.say("All right. Nothing is open.", slots=slots)


class AskCapabilities(GuardedAction):
    """Says what this assistant does for somebody with these roles.

    What is offered here is permitted by nothing but the policies; it must not advertise what
    they refuse.
    """

    intent = "ask_capabilities"

    def perform(self, turn: Turn) -> Reply:
        roles = turn.person.roles
        items = [line for role, offers in OFFERS.items() if role in roles for line in offers]
        items.extend(OFFERS_TO_ALL)
        first = button("How much leave do I have left?", "view_leave_balance")
        slip = button("Show a payslip", "view_payslip")
        holiday = button("When is the next public holiday?", "view_next_holiday")
        offered = (first, slip) if "employee" in roles else (holiday,)
        text = f"{lines('This is what I can do for you:', items)}\n{CODES}"
        person = button("Speak to a person", "speak_to_person")
        return Reply((Message(text=text, buttons=(*offered, person)),))


class SpeakToPerson(DeskAction):
    """Hands over to a person of the HR desk."""

    intent = "speak_to_person"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        case = open_once(turn, records, "speak_to_person")
        return Reply.say(
            f"I have asked the {case.desk} to get in touch with you: case {case.case_id}, "
            f"answer within {case.reply_within}."
        )


class NeedSupport(GuardedAction):
    """Somebody is not well: a person is offered, and in danger the numbers to call come first.

    Nobody is told, no case is opened, and no word of it is kept beyond the conversation.
    """

    intent = "need_support"

    def perform(self, turn: Turn) -> Reply:
        urgent = _DANGER.search(tidy(turn.text)) is not None
        return Reply((Message(response="utter_in_danger" if urgent else "utter_need_support"),))


def _last_answer(events: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What the bot said to the message before this one, and by which actions."""
    texts: list[str] = []
    actions: list[str] = []
    messages = 0
    for event in reversed(events):
        kind = event.get("event")
        if kind == "user":
            messages += 1
            if messages == 2:
                break
        elif messages == 1 and kind == "bot" and event.get("text"):
            texts.insert(0, str(event["text"]))
        elif messages == 1 and kind == "action":
            actions.append(str(event.get("name") or ""))
    return texts, actions

"""Several questions in one message: one is answered, the others are offered and never lost in silence.

Goes by plain words, asks nothing and permits nothing: an offered question is a button, decided by the
rules like every other message.
"""

from __future__ import annotations

import re

from actions.date_words import tidy
from actions.titles import TITLES
from gatehouse.dialogue.turn import Button, Message

MOST_OFFERED = 3

_PARTS = re.compile(r"[?!;.\n]+(?:\s|$)|,?\s\b(?:and|also|plus)\b\s|,\s(?=(?:what|when|how|who)\b)")
_ASKS = re.compile(
    r"\b(?:what|when|how|who|which|where|is|are|do|does|did|can|could|show|tell|give|send|see|need|want)\b"
)
_OTHERS = re.compile(
    r"\b(?:his|her|their|your|he|she|they)\b"
    r"|\b(?!(?:what|when|how|who|where|it|that|there|here|let)['\u2019])\w+['\u2019]s\b"
)
_ABOUT = {
    "view_next_pay_date": re.compile(r"\b(?:pay ?day|pay ?date|get paid|(?:is|are|be) paid)\b"),
    "view_payslip": re.compile(r"\b(?:pay ?slips?|pay ?stubs?)\b"),
    "view_salary": re.compile(r"\bmy (?:\w+ )?(?:salary|wage|pay)\b|\bdo i (?:earn|make)\b"),
    "view_tax_form": re.compile(r"\btax (?:form|statement|certificate)\b"),
    "view_tax_withholding": re.compile(r"\btax (?:class|code|withholding)\b|\bhow much tax\b"),
    "view_leave_balance": re.compile(
        r"\b(?:leave|holidays?|vacation|days(?: off)?)\b.*\b(?:left|remaining|balance|over)\b"
        r"|\b(?:leave|holiday|vacation) balance\b|\bhow (?:much|many).*\b(?:leave|vacation|days off)\b"
    ),
    "view_leave_status": re.compile(r"\b(?:leave|holiday|vacation|request)\b.*\bapproved\b"),
    "view_next_holiday": re.compile(r"\b(?:public|bank) holidays?\b"),
    "view_health_cover": re.compile(r"\bhealth (?:plan|cover|insurance)\b"),
    "change_address": re.compile(r"\b(?:new|change my) address\b|\bi(?:'ve)? moved\b"),
    "change_bank_account": re.compile(r"\b(?:new|change my) (?:bank )?(?:account|iban)\b"),
    "view_stored_data": re.compile(r"\bdo you (?:store|keep|know)\b"),
    "speak_to_person": re.compile(r"\b(?:speak|talk) to (?:a |some)?(?:person|human|body|one)\b"),
}


def others(text: str, answered: str) -> list[str]:
    """The intents that other parts of `text` (of a person, no button) ask for, in their order."""
    if text.startswith("/"):
        return []
    found: list[str] = []
    parts = [part for part in _PARTS.split(tidy(text)) if part and part.strip()]
    if len(parts) < 2:
        return []
    for part in parts:
        if _OTHERS.search(part):
            continue  # about somebody else: not a question that could be offered
        asked = [intent for intent, words in _ABOUT.items() if words.search(part)]
        if len(asked) == 1 and asked[0] not in found and (_ASKS.search(part) or found):
            found.append(asked[0])
    return [intent for intent in found if intent != answered][:MOST_OFFERED]


def offer(text: str, answered: str) -> tuple[Message, ...]:
    """The message that offers what was not answered; none when all of it was."""
    left = others(text, answered)
    if not left:
        return ()
    buttons = tuple(Button(TITLES[intent], f"/{intent}") for intent in left)
    return (Message(text="I take one thing at a time. You also asked for this:", buttons=buttons),)

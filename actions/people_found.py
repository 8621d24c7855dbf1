"""Finding the one person that a message means.

Called only where the rules let the speaker look at other people. It must never guess between two
people: it asks, with a button for each.
"""

from __future__ import annotations

from actions.answering import button, given
from actions.records.interface import Employee, SystemOfRecord
from gatehouse.dialogue.turn import Ask, Turn

MOST_OFFERED = 5


def one_person(turn: Turn, records: SystemOfRecord, intent: str) -> Employee:
    """The person named in the message; raises `Ask` when it is nobody, or several."""
    words = given(turn, "person")
    if not words:
        raise Ask("Whom do you mean? Please give me the full name.")
    people = records.find_people(words)
    if not people and words.casefold().endswith("s"):
        people = records.find_people(words[:-1])  # "marcos file"
    if not people:
        raise Ask("I found nobody by that name. Please check the spelling, or give the full name.")
    if len(people) > MOST_OFFERED:
        raise Ask("Many people fit that name. Please give me the full name.")
    if len(people) > 1:
        raise Ask(
            "Several people fit that name. Whom do you mean?",
            *(
                button(f"{found.name}, {found.department}", intent, person=found.employee_id)
                for found in people
            ),
        )
    return people[0]

"""Windows, buttons and export tickets: what they allow, once or so often, and no more."""

from __future__ import annotations

import pytest

from gatehouse.channel.buttons import (
    MOST_GROUPS,
    Button,
    Buttons,
    ButtonSpent,
    command_of,
    intent_command,
)
from gatehouse.channel.limits import TooMany, Window
from gatehouse.clock import SettableClock
from gatehouse.identity.exports import Exports, TicketRefused

YES = Button("Yes", "/affirm")
NO = Button("No", "/deny")


def test_window_refuses_and_says_how_long_to_wait() -> None:
    """The third event of two is refused until the first is a minute old."""
    clock = SettableClock()
    window = Window(clock, 2, 60)
    window.count("a")
    clock.advance(10)
    window.count("a")
    with pytest.raises(TooMany) as refused:
        window.count("a")
    assert 50 == refused.value.retry_after
    window.count("b")
    clock.advance(50)
    window.count("a")


def test_window_forgives_a_clock_that_is_set_back() -> None:
    """Events from the future of a corrected clock do not lock anybody out."""
    clock = SettableClock()
    window = Window(clock, 1, 60)
    window.count("a")
    clock.advance(-3600)
    window.count("a")


def test_button_is_spent_with_its_group() -> None:
    """Choosing one spends all of the message; only the same message may repeat."""
    buttons = Buttons()
    yes, no = buttons.offer("c1", [YES, NO])
    assert buttons.take("c1", yes["id"], "m1") == YES
    assert buttons.take("c1", yes["id"], "m1") == YES
    for chosen in (yes, no):
        with pytest.raises(ButtonSpent):
            buttons.take("c1", chosen["id"], "m2")


def test_button_works_in_its_own_conversation_only() -> None:
    """An id from another conversation is unknown, and so is everything after `forget`."""
    buttons = Buttons()
    (yes,) = buttons.offer("c1", [YES])
    with pytest.raises(ButtonSpent):
        buttons.take("c2", yes["id"], "m1")
    buttons.forget("c1")
    with pytest.raises(ButtonSpent):
        buttons.take("c1", yes["id"], "m1")


def test_old_buttons_are_dropped() -> None:
    """A conversation keeps a bounded number of groups."""
    buttons = Buttons()
    (first,) = buttons.offer("c1", [YES])
    for _ in range(MOST_GROUPS):
        buttons.offer("c1", [NO])
    with pytest.raises(ButtonSpent):
        buttons.take("c1", first["id"], "m1")


def test_ids_tell_nothing() -> None:
    """The browser gets ids and titles, no payload."""
    (shown,) = Buttons().offer("c1", [YES])
    assert {"id", "title"} == set(shown)
    assert "affirm" not in shown["id"]


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        ("/affirm", "/affirm"),
        ('/inform{"leave_kind": "annual"}', '/inform{"leave_kind": "annual"}'),
        ("yes please", None),
        ("/restart", None),
        ("/session_start", None),
        ("/back", None),
        ("/resume_request", None),
        ("/affirm@0.99", None),
        ("/affirm {broken", None),
        ('/inform["a"]', None),
        ("//affirm", None),
    ],
)
def test_only_plain_commands_pass(payload: str, command: str | None) -> None:
    """A payload that is no well-formed command, or one of Rasa's own, is not sent as one."""
    assert command == command_of(payload)


def test_entities_cannot_break_out_of_a_command() -> None:
    """Values are JSON in ASCII: no line break or brace of a value ends the command."""
    assert '/inform{"a": "x\\n}/restart\\u2028"}' == intent_command(
        "inform", {"a": "x\n}/restart\u2028"}
    )
    with pytest.raises(ValueError):
        intent_command('inform{"x"', {})


def test_ticket_works_once_in_its_session() -> None:
    """Another session is refused and does not use the ticket up; the second use is refused."""
    exports = Exports(SettableClock())
    ticket = exports.create("p-1", "s-1")
    with pytest.raises(TicketRefused):
        exports.take(ticket, "s-2")
    assert "p-1" == exports.take(ticket, "s-1").person_id
    with pytest.raises(TicketRefused):
        exports.take(ticket, "s-1")


def test_ticket_expires_to_the_second() -> None:
    """Good at 299 s, gone at 300 s."""
    clock = SettableClock()
    exports = Exports(clock)
    early, late = exports.create("p-1", "s-1"), exports.create("p-1", "s-1")
    clock.advance(299)
    assert "p-1" == exports.take(early, "s-1").person_id
    clock.advance(1)
    with pytest.raises(TicketRefused):
        exports.take(late, "s-1")

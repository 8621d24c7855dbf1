"""Repeating, and asking what was meant."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker

from actions.desk import AskAffirmation, Repeat
from gatehouse.identity.assertions import METADATA_KEY
from tests.unit.actions.conftest import OpenCheckpoint, run_action


def tracker(events: list[dict[str, Any]], **message: Any) -> Tracker:
    latest = {"text": "x", "metadata": {METADATA_KEY: "signed"}, **message}
    return Tracker("c1", {}, latest, events, False, None, {}, "action_listen")


def said(action: str, text: str) -> list[dict[str, Any]]:
    return [
        {"event": "user", "text": "a question"},
        {"event": "action", "name": action},
        {"event": "bot", "text": text},
        {"event": "action", "name": "action_listen"},
        {"event": "user", "text": "repeat that"},
    ]


def test_the_last_answer_is_repeated(checkpoint: OpenCheckpoint) -> None:
    """What was said to the message before is said again, and nothing older."""
    events = said("utter_greet", "Hello")[:-1] + said("action_view_next_pay_date", "On Monday.")
    _, messages = run_action(Repeat(), tracker(events))
    assert ["On Monday."] == [message["text"] for message in messages]


def test_a_protected_answer_is_not_repeated(checkpoint: OpenCheckpoint) -> None:
    """What a code opened is not had again without one; nor what an unknown action said."""
    for action in ("action_view_salary", "action_of_tomorrow"):
        _, messages = run_action(Repeat(), tracker(said(action, "€45,600.00")))
        assert "€45,600.00" not in str(messages)


def test_nothing_to_repeat(checkpoint: OpenCheckpoint) -> None:
    """At the start there is nothing to repeat."""
    _, messages = run_action(Repeat(), tracker([{"event": "user", "text": "repeat"}]))
    assert "There is nothing to repeat yet." == messages[0]["text"]


def test_nobody_unknown_has_anything_repeated(checkpoint: OpenCheckpoint) -> None:
    """Without an assertion nothing is repeated."""
    events = said("action_view_next_pay_date", "On Monday.")
    _, messages = run_action(Repeat(), tracker(events, metadata=None))
    assert ["utter_refused_not_signed_in"] == [message["response"] for message in messages]


def test_guesses_are_offered_by_title(checkpoint: OpenCheckpoint) -> None:
    """The likeliest requests are offered in words for people, never a bare answer."""
    names = ["nlu_fallback", "affirm", "view_salary", "request_leave", "greet", "cancel"]
    ranking = [{"name": name, "confidence": 0.1} for name in names]
    _, messages = run_action(AskAffirmation(), tracker([], intent_ranking=ranking))
    assert [
        ("See my salary", "/view_salary"),
        ("Request leave", "/request_leave"),
        ("Something else", "/out_of_scope"),
    ] == [(button["title"], button["payload"]) for button in messages[0]["buttons"]]


def test_without_a_guess_it_asks_for_other_words(checkpoint: OpenCheckpoint) -> None:
    """With nothing to offer, or a ranking that is garbage, it asks to say it again."""
    for ranking in (None, [], ["garbage", {"name": "affirm"}], [{"name": None}]):
        _, messages = run_action(AskAffirmation(), tracker([], intent_ranking=ranking))
        assert ["utter_ask_rephrase"] == [message["response"] for message in messages]


def test_the_question_of_a_form_is_not_said_twice(checkpoint: OpenCheckpoint) -> None:
    """An open form asks its question again by itself: only what came before it is repeated."""
    events = said("request_leave_form", "Which is the first day?")
    events.insert(2, {"event": "bot", "text": "That day is past."})
    asked = Tracker(
        "c1",
        {"requested_slot": "start_date"},
        {"text": "repeat", "metadata": {METADATA_KEY: "signed"}},
        events, False, None, {}, "action_listen",
    )  # fmt: skip
    _, messages = run_action(Repeat(), asked)
    assert ["That day is past."] == [message["text"] for message in messages]

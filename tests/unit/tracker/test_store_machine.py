"""Rasa's own SQL store and this one, side by side over random conversations and restarts."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
)
from rasa.shared.core.trackers import DialogueStateTracker

from gatehouse.clock import SettableClock
from gatehouse.db import open_engine
from gatehouse.keys import KeyRing
from gatehouse.migrations import upgrade
from gatehouse.tracker.window import Needs
from tests.unit.tracker.conftest import DOMAIN, Deployment, play, run
from tests.unit.tracker.scripts import said, timed

NEEDS = Needs(states=3, visible=4)
FORM = "request_leave_form"
RULE_ONLY = {"rule_only_slots": ["leave_kind"], "rule_only_loops": []}
hidden = st.sampled_from([True, True, False])


def did(name: str, hide: bool) -> ActionExecuted:
    return ActionExecuted(name, hide_rule_turn=hide)


def predicted_from(tracker: DialogueStateTracker) -> dict[str, Any]:
    """What rules and policies with a history look at to predict the next action."""
    history = tracker.past_states(DOMAIN, ignore_rule_only_turns=True, rule_only_data=RULE_ONLY)
    return {
        "rules": tracker.past_states(DOMAIN)[-NEEDS.states :],
        "history": history[-NEEDS.visible :],
    }


class TwoStores(RuleBasedStateMachine):
    """Each rule is one turn, or the end of a process; after each, both stores say the same."""

    @initialize()
    def open(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="gatehouse-machine-"))
        clock = SettableClock()
        url = f"sqlite:///{self.directory / 'gatehouse.db'}"
        engine = open_engine(url)
        upgrade(engine)
        ring = KeyRing.initialise(self.directory / "keys", clock)
        self.ours = Deployment(url, self.directory, clock, ring, engine)
        self.ours.store.needs = NEEDS
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy 1.4 on its own future, from Rasa's code
            self.stock = SQLTrackerStore(DOMAIN, db=str(self.directory / "stock.db"))
        self.in_form = False
        self.turn(SessionStarted(), did("action_listen", False))

    def teardown(self) -> None:
        if hasattr(self, "ours"):
            self.ours.engine.dispose()
            self.ours.ring.close()
            self.stock.engine.dispose()
            shutil.rmtree(self.directory)

    def turn(self, *events: Event) -> None:
        timed(*events)
        run(play(self.stock, "c", events))
        self.ours.turn("c", *events)

    def say(self, *events: Event, hide: bool = False, **entities: str) -> None:
        self.turn(*said("hello", **entities)[1:], *events, did("action_listen", hide))

    @rule(hide=hidden, several=st.integers(1, 6))
    def answer(self, hide: bool, several: int) -> None:
        for _ in range(several):
            extra = [ActionExecutionRejected(FORM)] if self.in_form else []
            again = [did(FORM, hide)] if self.in_form else []
            answered = [did("utter_greet", hide), BotUttered("hello")]
            self.say(*extra, *answered, *again, hide=hide)

    @rule(hide=hidden, value=st.sampled_from(["annual", "sick", None]))
    def set_slot(self, hide: bool, value: str | None) -> None:
        extra = [ActionExecutionRejected(FORM)] if self.in_form else []
        self.say(*extra, SlotSet("leave_kind", value), did("action_request_leave", hide))

    @precondition(lambda self: not self.in_form)
    @rule(hide=hidden)
    def begin_form(self, hide: bool) -> None:
        self.in_form = True
        self.say(did(FORM, hide), ActiveLoop(FORM), SlotSet("requested_slot", "start_date"))

    @precondition(lambda self: self.in_form)
    @rule(hide=hidden, done=st.booleans())
    def go_on_in_form(self, hide: bool, done: bool) -> None:
        events: list[Event] = [did(FORM, hide), SlotSet("start_date", "2027-02-01")]
        if done:
            self.in_form = False
            events += [ActiveLoop(None), SlotSet("requested_slot", None)]
            events += [did("action_request_leave", hide), BotUttered("requested")]
        self.say(*events, hide=hide, date="2027-02-01")

    @precondition(lambda self: not self.in_form)
    @rule(twice=st.booleans())
    def take_back(self, twice: bool) -> None:
        back = [UserUtteranceReverted()] * (2 if twice else 1)
        self.say(did("action_back", True), *back)

    @precondition(lambda self: not self.in_form)
    @rule()
    def undo_action(self) -> None:
        self.say(did("utter_greet", True), ActionReverted())

    @rule()
    def reset_slots(self) -> None:
        extra = [ActionExecutionRejected(FORM)] if self.in_form else []
        self.say(*extra, did("action_request_leave", False), AllSlotsReset())

    @rule()
    def restart_conversation(self) -> None:
        self.in_form = False
        self.say(did("action_restart", False), Restarted())
        self.turn(did("action_session_start", False), SessionStarted(), did("action_listen", False))

    @rule()
    def new_session(self) -> None:
        self.in_form = False
        self.turn(SessionStarted(), SlotSet("leave_kind", "carried"), did("action_listen", False))

    @rule()
    def restart_process(self) -> None:
        self.ours.restart()
        self.ours.store.needs = NEEDS

    @invariant()
    def the_same(self) -> None:
        if not hasattr(self, "ours"):
            return
        theirs, ours = run(self.stock.retrieve("c")), run(self.ours.store.retrieve("c"))
        assert theirs is not None and ours is not None
        assert theirs.current_state() == ours.current_state()
        assert predicted_from(theirs) == predicted_from(ours)
        full = run(self.stock.retrieve_full_tracker("c"))
        whole = run(self.ours.store.retrieve_full_tracker("c"))
        assert full is not None and whole is not None
        assert [e.as_dict() for e in full.events] == [e.as_dict() for e in whole.events]


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)

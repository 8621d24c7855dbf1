"""What holds for every action of the package, whoever adds the next one."""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Action
from rasa_sdk.executor import ActionExecutor
from ruamel.yaml import YAML

import actions
from actions.desk import REPEATABLE
from actions.forms import form_slots
from actions.titles import TITLES
from gatehouse.dialogue.guarded import GuardedAction, PureForm
from gatehouse.dialogue.step_up_action import RequestStepUp, guarded_action_for
from gatehouse.dialogue.verified import VerifiedAction

ROOT = Path(__file__).parents[3]
DOMAIN: dict[str, Any] = YAML(typ="safe").load((ROOT / "domain.yml").read_text())
NOT_REQUESTS = {
    "greet", "thank", "goodbye", "affirm", "deny", "cancel", "repeat", "ask_if_bot",
    "ask_capabilities", "ask_why", "ask_hr_topic", "act_for_somebody", "out_of_scope", "inform",
    "nlu_fallback", "resume_request",
}  # fmt: skip
REQUESTS = [intent for intent in DOMAIN["intents"] if intent not in NOT_REQUESTS]


def _modules() -> list[Any]:
    found = pkgutil.walk_packages(actions.__path__, "actions.")
    return [importlib.import_module(item.name) for item in found]


def _action_classes() -> list[type[Action]]:
    classes = {
        kind
        for module in _modules()
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Action) and kind.__module__.startswith("actions.")
    }
    return sorted(classes, key=lambda kind: kind.__qualname__)


def _spoken() -> set[str]:
    source = "".join(path.read_text() for path in (ROOT / "actions").rglob("*.py"))
    return set(re.findall(r'"(utter_\w+)"', source))


@pytest.mark.parametrize("kind", _action_classes(), ids=lambda kind: kind.__name__)
def test_every_action_is_guarded(kind: type[Action]) -> None:
    """No action can be run without a verified speaker: each inherits the run of a guarded base."""
    guards = (GuardedAction, PureForm, VerifiedAction)
    assert any(issubclass(kind, guard) for guard in guards)
    owner = next(base for base in kind.__mro__ if "run" in vars(base))
    assert owner in guards


def test_the_action_server_offers_what_the_domain_names() -> None:
    """Loading the package registers exactly the actions of the domain."""
    executor = ActionExecutor()
    executor.register_package("actions")
    ours = {name for name in executor.actions if _is_ours(executor.actions[name])}
    assert set(DOMAIN["actions"]) == ours


def _is_ours(run: Any) -> bool:
    kind = type(run.__self__)
    return kind.__module__.startswith("actions.") or kind is RequestStepUp


@pytest.mark.parametrize("intent", REQUESTS)
def test_every_request_has_its_guarded_action(intent: str) -> None:
    """A request is answered by the action of its own intent, also after a step-up."""
    action = guarded_action_for(intent)
    assert action is not None
    assert (f"action_{intent}", intent) == (action.name(), action.intent)


@pytest.mark.parametrize("intent", REQUESTS)
def test_every_request_has_a_title(intent: str) -> None:
    """Every request can be offered by name when a message was unclear."""
    assert intent in TITLES


def test_titles_name_intents() -> None:
    """No title is of an intent that is gone."""
    assert set() == set(TITLES) - set(DOMAIN["intents"])


def test_every_response_of_the_code_exists() -> None:
    """An action never speaks a response that the domain lacks."""
    assert set() == _spoken() - set(DOMAIN["responses"])


def test_every_response_of_the_rules_exists() -> None:
    """A policy file never speaks a response that the domain lacks."""
    files = (ROOT / "policies").rglob("*.yml")
    named = set(re.findall(r"\butter_\w+", "".join(path.read_text() for path in files)))
    assert set() == named - set(DOMAIN["responses"])


def test_no_slot_is_filled_by_rasa_but_for_routing() -> None:
    """Slots of forms are filled by the form's own checks, after the intent was authorized."""
    filled = {
        name
        for name, slot in DOMAIN["slots"].items()
        if any(mapping["type"] != "custom" for mapping in slot["mappings"])
    }
    assert {"topic", "period", "year", "person", "health_plan", "approval"} == filled
    assert set() == filled & form_slots()


def test_no_mapping_runs_code_before_authorization() -> None:
    """No slot mapping names an action: Rasa would run it before any policy."""
    mappings = [mapping for slot in DOMAIN["slots"].values() for mapping in slot["mappings"]]
    assert [] == [mapping for mapping in mappings if "action" in mapping]
    assert "action_validate_slot_mappings" not in DOMAIN["actions"]


def test_cancel_forgets_every_slot_of_a_form() -> None:
    """Cancelling leaves nothing of an abandoned form behind."""
    slots = {slot for form in DOMAIN["forms"].values() for slot in form["required_slots"]}
    assert slots == form_slots()


def test_what_needs_a_code_is_not_repeated() -> None:
    """Nothing that a code protects can be had again by asking to repeat."""
    protected = {
        "view_salary", "view_payslip", "view_tax_withholding", "view_tax_form",
        "change_bank_account", "change_address", "export_stored_data", "erase_stored_data",
        "look_up_person", "view_personal_details", "view_colleague_salary", "view_salary_bands",
    }  # fmt: skip
    assert set() == {f"action_{intent}" for intent in protected} & REPEATABLE


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("filled", [{}, {"leave_kind": "annual", "iban": "DE89", "x": None}])
def test_buttons_keep_their_payloads(filled: dict[str, Any]) -> None:
    """Rasa fills slots into responses; what a button stands for comes out whole, without an error.

    A tracker has a value, or none, for every slot of the domain, so there is always one to fill.
    """
    from rasa.core.nlg import interpolator
    from structlog.testing import capture_logs

    slots = {**dict.fromkeys(DOMAIN["slots"]), **filled}
    buttons = {
        name: interpolator.interpolate(copy.deepcopy(variant["buttons"]), slots)
        for name, variants in DOMAIN["responses"].items()
        for variant in variants
        if "buttons" in variant
    }
    with capture_logs() as logs:
        kinds = interpolator.interpolate(
            copy.deepcopy(DOMAIN["responses"]["utter_ask_leave_kind"][0]["buttons"]), slots
        )
        for variants in DOMAIN["responses"].values():
            interpolator.interpolate(copy.deepcopy(variants), slots)
    assert [] == logs
    assert [
        f'/inform{{"leave_kind":"{kind}"}}'
        for kind in ("annual", "sick", "special", "parental", "unpaid")
    ] == [button["payload"] for button in kinds]
    payloads = [button["payload"] for found in buttons.values() for button in found]
    assert all(re.fullmatch(r'/\w+(?:\{"\w+":"[\w ]+"\})?', payload) for payload in payloads)


@pytest.mark.filterwarnings("ignore")
def test_what_people_say_is_no_template() -> None:
    """Braces, templates of other kinds and names of slots come out as they were said (ASVS v5.0.0-1.3.7)."""
    from rasa.core.nlg import interpolator

    said = "{iban} {city.__class__} {0} {{7*7}} ${7*7} <%= 7*7 %> %(iban)s"
    slots = {**dict.fromkeys(DOMAIN["slots"]), "iban": "DE89", "city": said, "street": said}
    shown = [
        interpolator.interpolate(variant["text"], slots)
        for variants in DOMAIN["responses"].values()
        for variant in variants
        if "{city}" in variant.get("text", "")
    ]
    assert shown
    for text in shown:
        assert 2 == text.count(said)
        assert "DE89" not in text and "49" not in text

"""What `policies/intents.yml` promises to rules about a record, the actions supply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actions.leave_request import AskLeaveConfirmed, RequestLeave
from actions.people import LookUpPerson
from actions.profile import ChangeBankAccount
from gatehouse.policy import load_directory, read_domain
from tests.unit.actions.conftest import HANNA, turn
from tests.unit.actions.test_answers import IBAN, LEAVE

PROJECT = Path(__file__).parents[3]
TYPES = {"text": str, "number": int, "truth": bool}
SUPPLIED: list[tuple[Any, Any, dict[str, Any]]] = [
    (RequestLeave(), turn(slots=LEAVE), {"leave_kind": "annual", "calendar_days": 5}),
    (AskLeaveConfirmed(), turn(slots=LEAVE), {"leave_kind": "annual", "calendar_days": 5}),
    (ChangeBankAccount(), turn(slots={"iban": IBAN, "confirmed": True}), {"country": "DE"}),
    (
        LookUpPerson(),
        turn(HANNA, person="Marco Silva"),
        {"department": "Warehouse operations", "employment_type": "employee"},
    ),
]


def promised() -> dict[str, dict[str, str]]:
    policies = load_directory(PROJECT / "policies", read_domain(PROJECT / "domain.yml"))
    return {
        name: dict(info.attributes) for name, info in policies.intents.items() if info.attributes
    }


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize(("action", "asked", "expected"), SUPPLIED)
def test_an_action_supplies_what_is_promised(
    action: Any, asked: Any, expected: dict[str, Any]
) -> None:
    """Exactly the attributes of `intents.yml`, with their types and the values of the request."""
    _, attributes = action.subject(asked)
    assert expected == attributes
    kinds = promised()[action.intent]
    assert kinds.keys() == attributes.keys()
    assert all(type(attributes[name]) is TYPES[kind] for name, kind in kinds.items())


def test_every_promise_is_tested_here() -> None:
    """No intent promises attributes that no action above supplies."""
    assert {action.intent for action, _, _ in SUPPLIED} == promised().keys()

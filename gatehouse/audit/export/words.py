"""What other systems ask of every event: how grave it is, and how it ended."""

from __future__ import annotations

from typing import Any

_GRAVE = {"checkpoint_refused": 5, "tamper": 5}
_NOTABLE = {
    "assertion_refused": 3,
    "call_refused": 3,
    "policy_rejected": 3,
    "request_refused": 2,
    "sign_in_refused": 2,
    "step_up_failed": 2,
    "step_up_refused": 2,
    "throttled": 3,
    "token_refused": 2,
    "turn_refused": 2,
    "webhook_refused": 3,
}


def severity(body: dict[str, Any]) -> int:
    """1 informational, 2 low, 3 medium, 4 high, 5 critical (the numbers of OCSF)."""
    kind = str(body["kind"])
    if kind in _GRAVE:
        return _GRAVE[kind]
    if kind in ("decision", "action") and body.get("effect") == "deny":
        return 2
    return _NOTABLE.get(kind, 1)


def outcome(body: dict[str, Any]) -> str:
    """`success`, `failure` or nothing."""
    kind, effect = str(body["kind"]), body.get("effect")
    if effect is not None:
        return {"allow": "success", "deny": "failure"}.get(str(effect), "")
    if kind.endswith(("_refused", "_failed", "_rejected")) or kind in ("tamper", "throttled"):
        return "failure"
    if kind.endswith("_requested"):
        return ""
    return "success"

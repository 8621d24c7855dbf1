"""Open Cybersecurity Schema Framework, version 1.8.0: one event per entry.

Decisions are API activity with the profile `security_control` and its `authorizations`; sign-ins and
step-ups are authentication, new passwords account change; starts are application lifecycle; found
tampering is a detection finding; everything that changes something kept is entity management. What the
schema has no place for is under `unmapped`, and `raw_data` is the entry itself, so that it can be
proven to be in the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from gatehouse.audit.export.words import outcome, severity
from gatehouse.audit.reader import Entry

VERSION = "1.8.0"
_PRODUCT = {"name": "Gatehouse", "vendor_name": "Gatehouse"}
_OTHER = 99
_REFUSALS = frozenset(
    {
        "assertion_refused",
        "call_refused",
        "request_refused",
        "throttled",
        "turn_refused",
        "webhook_refused",
    }
)
_ACTIONS = {"allow": (1, 1), "deny": (2, 2), "step_up": (_OTHER, 23)}  # action, disposition

Event = dict[str, Any]


def line(entry: Entry, body: dict[str, Any], origin: str) -> str:
    """One event as JSON."""
    return json.dumps(event(entry, body, origin), ensure_ascii=True, separators=(",", ":"))


def event(entry: Entry, body: dict[str, Any], origin: str) -> Event:
    """The event of an entry of the log `origin`."""
    kind = str(body["kind"])
    made = _maker(kind)(kind, body)
    class_uid, activity = made["class_uid"], made["activity_id"]
    result = outcome(body)
    used = {"at", "kind", "version"}
    return {
        **made,
        "category_uid": class_uid // 1000,
        "type_uid": class_uid * 100 + activity,
        "time": int(datetime.fromisoformat(str(body["at"])).timestamp() * 1000),
        "severity_id": severity(body),
        **({"status_id": 1 if result == "success" else 2} if result and class_uid != 2004 else {}),
        **({"status_detail": str(body["reason"])} if body.get("reason") else {}),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "log_name": origin,
            "sequence": entry.sequence,
            "uid": f"{origin}/{entry.sequence}",
            "event_code": kind,
            **({"profiles": ["security_control"]} if "action_id" in made else {}),
            **({"correlation_uid": body["request_id"]} if body.get("request_id") else {}),
        },
        "unmapped": {name: value for name, value in body.items() if name not in used},
        "raw_data": entry.body,
    }


def _maker(kind: str) -> Callable[[str, dict[str, Any]], Event]:
    if kind in ("decision", "action"):
        return _decision
    if kind in _REFUSALS:
        return _refusal
    if kind.startswith(("sign_", "step_up_", "token_")) or kind == "session_ended":
        return _authentication
    if kind == "password_changed":
        return _account
    if kind in ("start", "stop"):
        return _lifecycle
    if kind in ("tamper", "checkpoint_refused"):
        return _finding
    return _entity


def _decision(kind: str, body: dict[str, Any]) -> Event:
    effect = str(body.get("effect", "allow"))
    action, disposition = _ACTIONS.get(effect, (0, 0))
    policy = {"name": str(body["rule"])} if body.get("rule") else {"name": "default deny"}
    if body.get("revision"):
        policy["version"] = str(body["revision"])
    return {
        "class_uid": 6003,
        "activity_id": _OTHER,
        "activity_name": "Perform" if kind == "action" else "Decide",
        "actor": _actor(body),
        "api": {"operation": str(body.get("intent", kind)), "service": {"name": "Gatehouse"}},
        "src_endpoint": {"name": "chat"},
        "action_id": action,
        "disposition_id": disposition,
        "authorizations": [{"decision": effect, "policy": policy}],
    }


def _refusal(kind: str, body: dict[str, Any]) -> Event:
    return {
        "class_uid": 6003,
        "activity_id": _OTHER,
        "activity_name": "Refuse",
        "actor": _actor(body),
        "api": {"operation": kind, "service": {"name": "Gatehouse"}},
        "src_endpoint": {"name": "chat"},
        "action_id": 2,
        "disposition_id": 2,
    }


def _authentication(kind: str, body: dict[str, Any]) -> Event:
    step_up = kind.startswith("step_up_")
    activity = 2 if kind in ("sign_out", "session_ended") else _OTHER if step_up else 1
    return {
        "class_uid": 3002,
        "activity_id": activity,
        **({"activity_name": kind.replace("_", " ")} if activity == _OTHER else {}),
        "user": _user(body),
        "service": {"name": "Gatehouse"},
        "is_mfa": step_up,
        "is_remote": True,
    }


def _account(kind: str, body: dict[str, Any]) -> Event:
    return {"class_uid": 3001, "activity_id": 3, "user": _user(body), "actor": _actor(body)}


def _lifecycle(kind: str, body: dict[str, Any]) -> Event:
    return {"class_uid": 6002, "activity_id": 3 if kind == "start" else 4, "app": _PRODUCT}


def _finding(kind: str, body: dict[str, Any]) -> Event:
    title = (
        "Stored data is not what was written" if kind == "tamper" else "The audit log was altered"
    )
    uid = f"{kind}/{body['at']}"
    return {"class_uid": 2004, "activity_id": 1, "finding_info": {"uid": uid, "title": title}}


def _entity(kind: str, body: dict[str, Any]) -> Event:
    if kind.startswith("policy_"):
        entity: Event = {"type": "Policy", "type_id": 5, "name": "policies"}
        if body.get("offered") or body.get("revision"):
            entity["uid"] = str(body.get("offered") or body["revision"])
        activity = 3
    elif kind.startswith("conversation_"):
        entity = {"type": "Conversation", "type_id": _OTHER, "name": "conversation"}
        if body.get("conversation"):
            entity["uid"] = str(body["conversation"])
        activity = 1 if kind == "conversation_started" else 4
    else:
        entity = {"type": "Record", "type_id": _OTHER, "name": kind}
        activity = {"erasure": 4, "purge": 4, "export": 2}.get(kind, 3)
    return {"class_uid": 3004, "activity_id": activity, "entity": entity, "actor": _actor(body)}


def _user(body: dict[str, Any]) -> Event:
    """A person by pseudonym, or somebody who is not known."""
    person = body.get("person")
    return {"uid": str(person), "type_id": 1} if person else {"name": "unknown", "type_id": 0}


def _actor(body: dict[str, Any]) -> Event:
    if body.get("person"):
        return {"user": _user(body), "app_name": "Gatehouse"}
    return {"app_name": "Gatehouse"}

"""Reporting an incident and a lost second factor: always open, quick, and handed to people.

Neither action changes an account: a reset is done by the service desk after it has made sure who
is asking, because a chat that could reset a factor would be a way around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from actions.answering import DeskAction
from actions.forms import DeskForm, Heard
from actions.notices import tell
from actions.records import checks
from actions.records.interface import Case, CaseKind, SystemOfRecord
from gatehouse.dialogue.turn import Ask, Reply, Turn

SHORTEST_REPORT = 5
"""Words that the message which starts a report must have to count as the report itself."""

_ONLY_ANNOUNCES = re.compile(r"\b(?:report|incident|tell (?:you|security))\b", re.IGNORECASE)


class IncidentForm(DeskForm):
    """What happened, in the person's own words."""

    intent = "report_security_incident"
    asks = ("incident_description",)

    def read(self, heard: Heard) -> Mapping[str, Any]:
        text = heard.text.strip()
        if heard.starts and (len(text.split()) < SHORTEST_REPORT or _ONLY_ANNOUNCES.search(text)):
            return {}
        return {"incident_description": checks.case_text(text, "security_incident")}


class ReportSecurityIncident(DeskAction):
    """Hands the report to the security desk."""

    intent = "report_security_incident"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        text = turn.slots.get("incident_description")
        if not isinstance(text, str):
            raise Ask("What happened? Say that you want to report an incident to begin.")
        case = records.open_case(
            turn.person.employee_id, "security_incident", text, turn.request_key, turn.now
        )
        tell(case, turn.person.person_id, turn.request_key)
        return Reply.say(
            f"Thank you for reporting this. The {case.desk} has it as case {case.case_id} and "
            f"answers within {case.reply_within}. Until then: do not delete anything, "
            "do not answer the sender, and disconnect a device that behaves oddly.",
            slots={"incident_description": None},
        )


class ResetSecondFactor(DeskAction):
    """Passes the reset of a second factor to the service desk."""

    intent = "reset_second_factor"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        case = open_once(turn, records, "second_factor_reset")
        return Reply.say(
            f"I cannot reset a second factor from a chat. The {case.desk} has your request as case "
            f"{case.case_id}, answers within {case.reply_within}, and will first make sure that it "
            "is you. If you think that somebody else has your device, report a security incident."
        )


def open_once(turn: Turn, records: SystemOfRecord, kind: CaseKind) -> Case:
    """The person's open case of this kind, opened now if there is none."""
    employee = turn.person.employee_id
    for case in records.cases(employee):
        if case.kind == kind:
            return case
    return records.open_case(employee, kind, "", turn.request_key, turn.now)

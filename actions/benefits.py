"""Health cover and retirement: what a person has, what there is, and asking for a change.

A change is made only after the person has seen what it costs and from when, and has agreed to it.
"""

from __future__ import annotations

from actions.answering import DeskAction, button, given
from actions.records.interface import HealthPlan, SystemOfRecord
from actions.wording import day, lines, money
from gatehouse.dialogue.turn import Ask, Message, Reply, Turn

LONGEST_PLAN_NAME = 80


class ViewHealthCover(DeskAction):
    """Which plan do I have?"""

    intent = "view_health_cover"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        cover = records.health_cover(turn.person.employee_id, turn.today)
        text = f"You have the {_described(cover.plan)}, since {day(cover.since)}."
        if cover.next_plan and cover.next_from:
            text += f" From {day(cover.next_from)} you have {cover.next_plan.name}."
        return Reply(
            (Message(text=text, buttons=(button("Change my plan", "change_health_plan"),)),)
        )


class ChangeHealthPlan(DeskAction):
    """Shows what a plan costs, then changes to it."""

    intent = "change_health_plan"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        plan = _named_plan(turn, records.health_plans())
        if turn.slots.get("approval") != "yes":
            raise _sure(plan)
        cover = records.request_health_plan_change(
            turn.person.employee_id, plan.code, turn.request_key, turn.now
        )
        since = f" from {day(cover.next_from)} on" if cover.next_from else ""
        chosen = cover.next_plan or cover.plan
        return Reply.say(
            f"Done. You have the {chosen.name} plan{since}, {_cost(chosen)}.",
            slots={"approval": None, "health_plan": None, "topic": "none"},
        )


class TransferRetirementPlan(DeskAction):
    """Explains a transfer from a former employer, then starts it."""

    intent = "transfer_retirement_plan"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        employee = turn.person.employee_id
        if turn.slots.get("approval") == "yes":
            case = records.open_transfer(employee, None, turn.request_key, turn.now)
            return Reply.say(
                f"Your transfer is started as case {case.case_id}. The {case.desk} answers within "
                f"{case.reply_within}.",
                slots={"approval": None, "topic": "none"},
            )
        guide = records.retirement_guide()
        steps = [f"{number}. {step}" for number, step in enumerate(guide.steps, 1)]
        text = "\n".join(
            [
                f"You can move your plan to {guide.provider}:",
                *steps,
                f"You need: {', '.join(guide.documents)}.",
                guide.note,
                f"Questions: {guide.contact}.",
                "Shall I start the transfer?",
            ]
        )
        yes = button("Start the transfer", self.intent, approval="yes")
        return Reply((Message(text=text, buttons=(yes, button("Not now", "deny"))),))


def _described(plan: HealthPlan) -> str:
    return f"{plan.name} plan ({plan.summary}; {_cost(plan)})"


def _cost(plan: HealthPlan) -> str:
    if not plan.monthly_cost:
        return "at no cost"
    return f"{money(plan.monthly_cost, plan.currency)} a month from your net pay"


def _named_plan(turn: Turn, plans: tuple[HealthPlan, ...]) -> HealthPlan:
    words = (turn.entity_values("health_plan") or (given(turn, "health_plan") or "",))[-1]
    wanted = words[:LONGEST_PLAN_NAME].casefold().removesuffix("plan").strip()
    for plan in plans:
        if wanted in {plan.code.casefold(), plan.name.casefold()}:
            return plan
    question = "I do not know that plan. " if wanted else ""
    buttons = [button(plan.name, "change_health_plan", health_plan=plan.code) for plan in plans]
    raise Ask(
        lines(f"{question}Which plan would you like?", [_described(plan) for plan in plans]),
        *buttons,
    )


def _sure(plan: HealthPlan) -> Ask:
    yes = button(
        f"Yes, change to {plan.name}", "change_health_plan", health_plan=plan.code, approval="yes"
    )
    return Ask(
        f"That is the {_described(plan)}. It would begin with next month. Shall I change it?",
        yes,
        button("No", "deny"),
    )

"""The one place where the Rasa side meets identity, policy, step-up and audit.

Both enforcement points, the dialogue policy and the guarded action, go through a `Checkpoint`, so
that they cannot decide differently. A decision is written to the audit log before it takes effect;
when that fails, the answer is no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gatehouse.clock import as_datetime
from gatehouse.dialogue import admissions
from gatehouse.dialogue.understanding import Understanding
from gatehouse.identity.assertions import Assertion, AssertionRefused
from gatehouse.policy import Decision, PolicySet, Principal, Request, Stage
from gatehouse.policy.model import LEVEL_NUMBER
from gatehouse.policy.recorded import recorded
from gatehouse.state import Confirmed
from gatehouse.stepup import Grant, GrantRefused, Resume
from gatehouse.stepup.levels import STRONGEST, USUAL

if TYPE_CHECKING:
    from gatehouse.runtime import Runtime

NOT_SIGNED_IN = "utter_refused_not_signed_in"
NO_SECOND_FACTOR = "utter_refused_no_second_factor"


class Refused(Exception):
    """The request is refused; `say` names the response of `domain.yml` that says why."""

    def __init__(self, say: str) -> None:
        super().__init__(say)
        self.say = say


class StepUpNeeded(Exception):
    """The request is allowed once a second factor of `level` has been given for it."""

    def __init__(self, level: str) -> None:
        super().__init__(level)
        self.level = level


class Checkpoint:
    """Verifies, decides and records; holds no state of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @classmethod
    def current(cls) -> Checkpoint:
        """The checkpoint of this process."""
        from gatehouse.runtime import current

        return cls(current())

    def local_now(self) -> datetime:
        """Now in the organisation's time zone, aware."""
        zone = ZoneInfo(self._runtime.settings.policy.time_zone)
        return as_datetime(self._runtime.clock.now()).astimezone(zone)

    def verify(self, token: object, conversation_id: str, text: object) -> Assertion:
        """The verified speaker of the message `text`; raises `Refused` and records why otherwise."""
        try:
            return self._runtime.verifier.verify(token, conversation_id, text)
        except AssertionRefused as refusal:
            raise self._unproven(conversation_id, refusal.reason) from refusal

    def note_admitted(self, token: object, intent: str, entities: object) -> None:
        """Let the actions of a verified message run for `intent` with `entities`, and no other."""
        admissions.note(token, intent, entities)

    def require_admitted(
        self, token: object, conversation_id: str, intent: str, entities: object
    ) -> None:
        """Raise `Refused`, and record it, unless the dialogue policy let exactly this through."""
        if not admissions.is_admitted(token, intent, entities):
            raise self._unproven(conversation_id, "not_admitted")

    def _unproven(self, conversation_id: str, reason: str) -> Refused:
        self._runtime.audit.append("assertion_refused", conversation=conversation_id, reason=reason)
        return Refused(NOT_SIGNED_IN)

    def admit_intent(
        self,
        person: Assertion,
        intent: str,
        understanding: Understanding | None = None,
        *,
        has_form: bool = False,
        record: bool = False,
    ) -> str:
        """Decide on the intent alone; raises `Refused` or, with `record`, `StepUpNeeded`.

        `record` is set by the dialogue policy, whose decision this is; a guarded action repeats it
        only to refuse early, before it resolves what the request is about. Returns the level of
        assurance that the intent asks for, "" for none.
        """
        request, decision = self._decide(person, intent, "intent", None, {}, understanding)
        if decision.effect == "deny":
            self._record(person, request, decision, "deny")
            raise Refused(decision.say)
        terms = decision.step_up
        level = terms.level if terms else ""
        if not record:
            return level
        waits = terms is not None and terms.ask == "at_confirmation" and has_form
        if terms is None or waits or self._redeemed(person, intent, None, level):
            self._record(person, request, decision, "allow")
            return level
        self._record(person, request, decision, "step_up")
        raise StepUpNeeded(level)

    def admit_resource(
        self,
        person: Assertion,
        intent: str,
        subject: str,
        resource: Mapping[str, str | int | float | bool],
        values: Mapping[str, str],
        understanding: Understanding | None = None,
    ) -> None:
        """Decide on the concrete record; raises `Refused` or `StepUpNeeded`."""
        request, decision = self._decide(
            person, intent, "resource", subject, resource, understanding
        )
        effect: str = decision.effect
        terms = decision.step_up
        level = terms.level if terms else STRONGEST
        grant = self._redeemed(person, intent, values, level) if effect == "step_up" else None
        if grant is not None:
            effect = "allow"
        self._record(person, request, decision, effect)
        if grant is not None and terms is not None and terms.max_age and not terms.bind:
            mine = self._runtime.step_up.authenticator_ids(person.person_id)
            given = Confirmed(grant.level, grant.granted_at, mine)
            self._runtime.state.confirm(person.conversation_id, person.session_id, intent, given)
        if effect == "deny":
            raise Refused(decision.say)
        if effect == "step_up":
            raise StepUpNeeded(level)

    def note_failed(self, person: Assertion, intent: str, error: Exception) -> None:
        """Record that what was allowed failed; the entry has the type of `error` only."""
        self._runtime.audit.append(
            "action",
            person=person.person_id,
            conversation=person.conversation_id,
            intent=intent,
            outcome="failed",
            reason=type(error).__name__,
        )

    def request_step_up(
        self,
        person: Assertion,
        intent: str,
        values: Mapping[str, str],
        prompt: str,
        *,
        action: str | None = None,
        entities: tuple[tuple[str, str], ...] = (),
        display: str = "",
        level: str = USUAL,
    ) -> str:
        """Open a challenge bound to this request and return the sentence that announces it.

        With `action` the request resumes by running that action again, otherwise by the intent
        with `entities`.
        """
        kinds = self._runtime.step_up.can_confirm(person.person_id, level)
        if not kinds:
            self._runtime.audit.append(
                "step_up_refused",
                person=person.person_id,
                conversation=person.conversation_id,
                intent=intent,
                reason="not_enrolled",
                level=level,
            )
            raise Refused(NO_SECOND_FACTOR)
        resume = Resume(
            kind="action" if action else "intent",
            name=action or intent,
            entities=entities,
            display=display,
        )
        self._runtime.step_up.request(
            person_id=person.person_id,
            session_id=person.session_id,
            conversation_id=person.conversation_id,
            intent=intent,
            values=values,
            prompt=prompt,
            resume=resume,
            level=level,
        )
        return f"To {prompt}, please confirm {_with(kinds)}."

    def note_served(self, person: Assertion, intent: str) -> None:
        """Remember that `intent` is carried out in this conversation; call it just before."""
        self._runtime.state.served(person.conversation_id, intent)

    def resumed_action(self, person: Assertion) -> str | None:
        """The action that a granted step-up resumes with this message, if any."""
        if not person.grant_id:
            return None
        resume = self._runtime.step_up.resume_of(person.grant_id, person.conversation_id)
        return resume.name if resume and resume.kind == "action" else None

    def _redeemed(
        self, person: Assertion, intent: str, values: Mapping[str, str] | None, level: str
    ) -> Grant | None:
        if not person.grant_id:
            return None
        try:
            return self._runtime.step_up.redeem(
                person.grant_id,
                person_id=person.person_id,
                session_id=person.session_id,
                conversation_id=person.conversation_id,
                intent=intent,
                values=values,
                message_id=person.message_id,
                level=level,
            )
        except GrantRefused:
            return None

    def _decide(
        self,
        person: Assertion,
        intent: str,
        stage: Stage,
        subject: str | None,
        resource: Mapping[str, str | int | float | bool],
        understanding: Understanding | None,
    ) -> tuple[Request, Decision]:
        now = self._runtime.clock.now()
        understanding = understanding or Understanding()
        policies = self._runtime.policies.current()
        facts = self._facts(policies, person.conversation_id)
        request = Request(
            principal=Principal(
                person.person_id, person.roles, person.department, person.employment_type
            ),
            intent=intent,
            stage=stage,
            subject=subject,
            resource=resource,
            channel=person.channel,
            network_zone=person.network_zone,
            at=self.local_now(),
            session_age=now - person.session_started_at,
            aal=person.aal,
            aal_age=None if person.aal_at is None else now - person.aal_at,
            confidence=understanding.confidence,
            margin=understanding.margin,
            runners_up=understanding.runners_up,
            slots=understanding.slots,
            **facts,
        )
        decision = policies.decide(request)
        if decision.effect == "step_up":
            return self._confirmed_before(person, request, decision, policies)
        return request, decision

    def _confirmed_before(
        self, person: Assertion, request: Request, decision: Decision, policies: PolicySet
    ) -> tuple[Request, Decision]:
        """The decision when an earlier code for this intent in this session is recent enough.

        It counts for nothing else: neither for another intent, nor where values are bound, nor once any
        authenticator of that time was removed, because it may be the one that gave the code.
        """
        terms = decision.step_up
        if terms is None or terms.bind or not terms.max_age:
            return request, decision
        found = self._runtime.state.confirmed(
            person.conversation_id, person.session_id, request.intent
        )
        if found is None:
            return request, decision
        if not found.authenticators <= self._runtime.step_up.authenticator_ids(
            request.principal.id
        ):
            return request, decision
        age = self._runtime.clock.now() - found.at
        again = replace(request, aal=LEVEL_NUMBER[found.level], aal_age=age)
        decided = policies.decide(again)
        return (again, decided) if decided.effect == "allow" else (request, decision)

    def _facts(self, policies: PolicySet, conversation_id: str) -> dict[str, Any]:
        """What happened in the conversation, as far as the rules in force ask about it."""
        facts: dict[str, Any] = {}
        if policies.facts & {"refusals", "served"}:
            state = self._runtime.state.facts(conversation_id)
            facts.update(refusals=state.refusals, served=state.served)
        if "failed_codes" in policies.facts:
            facts["failed_codes"] = self._runtime.step_up.failed_codes(conversation_id)
        return facts

    def _record(self, person: Assertion, request: Request, decision: Decision, effect: str) -> None:
        """Write what was decided, on which facts; `effect` is what comes of it with a code."""
        if effect == "deny":
            self._runtime.state.refused(person.conversation_id)
        self._runtime.audit.append(
            "decision",
            person=person.person_id,
            conversation=person.conversation_id,
            intent=request.intent,
            stage=request.stage,
            effect=effect,
            decided=decision.effect if decision.effect != effect else None,
            rule=decision.rule,
            revision=decision.revision,
            aal=request.aal,
            indeterminate=list(decision.indeterminate),
            **recorded(request, self._runtime.policies.current().facts),
        )


def _with(kinds: tuple[str, ...]) -> str:
    """How the person can confirm, in words that complete "please confirm …"."""
    if kinds == ("webauthn",):
        return "with your passkey"
    if "webauthn" in kinds:
        return "with a code or your passkey"
    return "with a code from your authenticator app" if "totp" in kinds else "with a code"

"""A person's own factors: what there is, and changing it.

Every change is proven at that moment by another factor, whatever the session proved before, and bound
to exactly that change like any request in the chat: what one sees is what one approves. Passkeys are
changed with a passkey, or whoever phished a code could put their own in place (NIST SP 800-63B-4 section
4.1.2.1). Each change is in the audit log before it is made and told to the person afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatehouse.identity.people import Person
from gatehouse.stepup.authenticators import (
    ENROLMENT_SECONDS,
    Authenticator,
    Authenticators,
    TooManyAuthenticators,
)
from gatehouse.stepup.binding import Resume
from gatehouse.stepup.challenges import Challenge
from gatehouse.stepup.changes import Change, Changes, Enroller, LastFactor, named
from gatehouse.stepup.delivered import DeliveredCodes
from gatehouse.stepup.levels import OF_KIND, USUAL, reaches
from gatehouse.stepup.naming import checked_name, require_another
from gatehouse.stepup.notices import Notices
from gatehouse.stepup.recovery import RecoveryCodes
from gatehouse.stepup.refusals import ChallengeRefused, CodeRefused
from gatehouse.stepup.service import StepUp

INTENT: Final = "change_factors"
_RESUME: Final = Resume("action", INTENT)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has, what may be added here, and whether a ticket is needed for the first."""

    authenticators: tuple[Authenticator, ...]
    recovery_left: int
    kinds: tuple[str, ...]
    first: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an approved change: an enrolment that has begun (its id and what it shows),
    new recovery codes, or the id of what was removed."""

    enrolment: Mapping[str, Any] | None = field(default=None, repr=False)
    codes: tuple[str, ...] = field(default=(), repr=False)
    removed: str = ""


class OwnFactors:
    """The factors of one deployment, as their owners may see and change them.

    `step_up` also takes tickets, which the one of the chat does not. `levels_asked` are those that
    the policies ask for.
    """

    def __init__(
        self,
        step_up: StepUp,
        authenticators: Authenticators,
        enrollers: Sequence[Enroller],
        recovery: RecoveryCodes,
        notices: Notices,
        record: Callable[..., Any],
        levels_asked: Callable[[], Collection[str]],
        levels: Mapping[str, str] = OF_KIND,
    ) -> None:
        self.step_up = step_up
        self._authenticators = authenticators
        self._enrollers = {one.kind: one for one in enrollers}
        self._deliverers = {one.kind: one for one in enrollers if isinstance(one, DeliveredCodes)}
        self._recovery = recovery
        self._notices = notices
        self._record = record
        self._levels = levels
        self._changes = Changes(authenticators, self._enrollers, levels_asked, self.level)

    def of(self, person_id: str) -> Standing:
        """What the person has."""
        found = self._authenticators.of(person_id)
        left = self._recovery.left(person_id)
        return Standing(found, left, tuple(self._enrollers), self._is_first(person_id))

    def sent_to(self, person_id: str) -> dict[str, str]:
        """Where codes go, shortened, by the id of the authenticator."""
        return {
            offer.id: offer.sent_to
            for one in self._deliverers.values()
            for offer in one.offers(person_id)
        }

    def level(self, kind: str) -> str:
        """What an authenticator of `kind` is worth."""
        return self._levels.get(kind, "")

    def ask(self, person: Person, session_id: str, change: Change) -> Challenge:
        """The challenge that has to be answered before `change` is made.

        Raises `InvalidInput`, `TooManyAuthenticators`, `LastFactor` or, when the person has nothing that
        is strong enough, `ChallengeRefused` (`not_enrolled`).
        """
        prompt, values, level = self._changes.described(person.id, change)
        if not self.step_up.can_confirm(person.id, level):
            self._record("step_up_refused", person=person.id, intent=INTENT, reason="not_enrolled")
            raise ChallengeRefused("not_enrolled")
        return self.step_up.request(
            person_id=person.id,
            session_id=session_id,
            conversation_id=_place(session_id),
            intent=INTENT,
            values=values,
            prompt=prompt,
            resume=_RESUME,
            level=level,
        )

    def waiting(self, session_id: str, challenge_id: str) -> Challenge:
        """The change that waits under this id; raises `ChallengeRefused` when none does."""
        return self.step_up.waiting(challenge_id, session_id, _place(session_id))

    def answer(
        self,
        person: Person,
        session_id: str,
        challenge_id: str,
        answer: object,
        *,
        known_with: str = "",
    ) -> Outcome:
        """Make the change that a good answer approves; raises `ChallengeRefused`."""
        place = _place(session_id)
        grant = self.step_up.answer(challenge_id, session_id, place, answer, known_with=known_with)
        values = dict(grant.values)
        self.step_up.redeem(
            grant.id,
            person_id=person.id,
            session_id=session_id,
            conversation_id=place,
            intent=INTENT,
            values=values,
            message_id=challenge_id,
            level=USUAL,
        )
        return self._make(person, session_id, values)

    def cancel(self, session_id: str, challenge_id: str) -> bool:
        """Call a change off; false when it did not wait any more."""
        return self.step_up.cancel(challenge_id, session_id, _place(session_id))

    def confirm(
        self, person: Person, session_id: str, identity: str, kind: str, answer: object
    ) -> tuple[Authenticator, tuple[str, ...]]:
        """Activate an enrolment with its first good answer; with the first factor of a person come
        recovery codes. Raises `ChallengeRefused`, `TooManyAuthenticators`."""
        first = self._is_first(person.id)
        facts = {"person": person.id, "factor": kind, "by": "person"}

        def before() -> None:
            self._record("administration", operation="factors.add", **facts)

        try:
            tag = self.step_up.session_tag(session_id)
            self._enrollers[kind].confirm(person.id, identity, answer, tag, before)
        except CodeRefused as refused:
            self._record("step_up_failed", person=person.id, intent=INTENT, reason=refused.reason)
            told = "unknown" if refused.reason == "not_enrolled" else "wrong"
            left = self._authenticators.tries_left(person.id, identity)
            raise ChallengeRefused(told if left else "too_many", attempts_left=left) from None
        made = next(one for one in self._authenticators.of(person.id) if one.id == identity)
        self._notices.tell(person.id, f"{named(made)} was added to your account.")
        codes: tuple[str, ...] = ()
        if first and not self._is_first(person.id):
            self._record("administration", operation="factors.recovery", **facts)
            codes = self._recovery.issue(person.id)
        return made, codes

    def pending_kind(self, person: Person, session_id: str, identity: str) -> str:
        """The kind of an enrolment that waits in this session; "" when none does."""
        tag = self.step_up.session_tag(session_id)
        return self._authenticators.pending_kind(person.id, identity, tag)

    def rename(self, person_id: str, identity: str, name: str) -> bool:
        """Call it something else; false when there is no such authenticator.

        Raises `InvalidInput`, `NameTaken`.
        """
        checked = checked_name(name)
        every = self._authenticators.of(person_id)
        if all(one.id != identity for one in every):
            return False
        require_another(checked, [one.name for one in every if one.id != identity])
        self._record("administration", operation="factors.rename", person=person_id, by="person")
        return self._authenticators.rename(person_id, identity, checked)

    def send_first(self, person: Person, session_id: str, identity: str, kind: str) -> None:
        """Deliver the code that confirms an enrolment, for a kind that delivers one; raises `NotSent`."""
        deliverer = self._deliverers.get(kind)
        if deliverer is None:
            return
        self._record("step_up_sent", person=person.id, intent=INTENT, factor=kind)
        deliverer.send_first(person.id, identity, self.step_up.session_tag(session_id))

    def deliver(self, session_id: str, challenge_id: str, authenticator_id: str) -> str:
        """Send a code for a change that waits; see `StepUp.deliver`."""
        return self.step_up.deliver(challenge_id, session_id, _place(session_id), authenticator_id)

    def _is_first(self, person_id: str) -> bool:
        """Whether the person has nothing yet that is worth a second factor."""
        every = self._authenticators.of(person_id)
        strong = any(reaches(self.level(one.kind), USUAL) for one in every)
        return not strong and not self._recovery.left(person_id)

    def _make(self, person: Person, session_id: str, values: Mapping[str, str]) -> Outcome:
        facts = {"person": person.id, "by": "person"}
        if values["change"] == "recovery":
            self._record("administration", operation="factors.recovery", **facts)
            codes = self._recovery.issue(person.id)
            self._notices.tell(person.id, "New recovery codes were made; the former ones are void.")
            return Outcome(codes=codes)
        if values["change"] == "password":
            return Outcome()  # for whoever asked to carry out; nothing of it is kept here
        if values["change"] == "remove":
            gone = next(
                (one for one in self._authenticators.of(person.id) if one.id == values["id"]), None
            )
            if gone is not None:
                self._record(
                    "administration", operation="factors.remove", factor=gone.kind, **facts
                )
                self._authenticators.remove(person.id, gone.id)
                self._notices.tell(person.id, f"{named(gone)} was removed from your account.")
            return Outcome(removed=values["id"])
        tag = self.step_up.session_tag(session_id)
        kind = values["kind"]
        identity, shown = self._enrollers[kind].begin(
            person, values["name"], values["address"], tag
        )
        begun = {"id": identity, "kind": kind, "expires_in": ENROLMENT_SECONDS, **shown}
        return Outcome(enrolment=begun)


def _place(session_id: str) -> str:
    """Where these challenges wait: beside the conversation, so that neither voids the other."""
    return f"own factors {session_id}"


__all__ = [
    "Change",
    "Enroller",
    "LastFactor",
    "Outcome",
    "OwnFactors",
    "Standing",
    "TooManyAuthenticators",
]

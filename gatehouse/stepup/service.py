"""Step-up: a second factor for exactly one request.

The order never changes: throttle, parse, count the try, verify, record, grant. A try is counted
before its code is looked at; a grant exists only once its audit entry is durable; when something
cannot be recorded the answer is no. Codes are compared and dropped: never stored, logged or passed
on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput
from gatehouse.identity.throttle import Standing
from gatehouse.identity.transactions import transaction
from gatehouse.stepup.binding import Resume, Subject, Tags
from gatehouse.stepup.challenges import Challenge, Challenges, Found
from gatehouse.stepup.delivered import DeliveredCodes
from gatehouse.stepup.factors import Factor, Factors, Offer
from gatehouse.stepup.grants import Grant, Grants, Use
from gatehouse.stepup.levels import OF_KIND, USUAL
from gatehouse.stepup.refusals import (
    ChallengeRefused,
    CodeRefused,
    GrantRefused,
    NotSent,
    StepUpUnavailable,
)
from gatehouse.stepup.throttle import CodeThrottle, Counter
from gatehouse.stepup.totp import Totp

LONGEST_CHALLENGE = 300
_KEEP_SECONDS = 3600.0


class StepUpSettings(Protocol):
    """The settings of step-up: seconds a request waits, wrong codes per request."""

    @property
    def challenge(self) -> int: ...

    @property
    def attempts(self) -> int: ...


class StepUp:
    """Challenges and grants of one deployment.

    `key` is 32 bytes. `others` are factors beside the authenticator app, `levels` what each kind is worth.
    `record` writes an audit entry (the signature of `AuditLog.append`) and is durable when it returns.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        settings: StepUpSettings,
        key: bytes,
        totp: Totp,
        record: Callable[..., Any] | None = None,
        *,
        others: Sequence[Factor] = (),
        levels: Mapping[str, str] = OF_KIND,
    ) -> None:
        if not 0 < settings.challenge <= LONGEST_CHALLENGE:
            raise InvalidInput("step_up.challenge: a request may wait five minutes at most")
        tags = Tags(key)
        self._engine = engine
        self._tags = tags
        self._totp = totp
        self._factors = Factors((totp, *others), levels)
        self._carriers = {one.kind: one for one in others if isinstance(one, DeliveredCodes)}
        self._record = record
        self._attempts = settings.attempts
        self._challenges = Challenges(
            engine, clock, key, tags, settings.challenge, settings.attempts
        )
        self._grants = Grants(engine, clock, key, tags)
        self._throttle = CodeThrottle(clock)

    def request(
        self,
        *,
        person_id: str,
        session_id: str,
        conversation_id: str,
        intent: str,
        values: Mapping[str, str],
        prompt: str,
        resume: Resume,
        level: str = USUAL,
    ) -> Challenge:
        """Ask for a proof of `level` before `intent` may go on with `values`.

        `prompt` repeats the values: what the person sees is what the person approves (WYSIWYS). A
        request that still waits in this conversation is void. Raises `StepUpUnavailable` when it
        cannot be recorded.
        """
        nonce = secrets.token_hex(16)
        subject = Subject(
            person_id,
            session_id,
            conversation_id,
            intent,
            dict(values),
            nonce,
            prompt,
            resume,
            level,
        )
        self._tags.binding(subject, values)  # refuses what cannot be bound, before it is recorded
        self._write("step_up_requested", subject)
        return self._challenges.open(subject)

    def pending(self, conversation_id: str) -> Challenge | None:
        """The request that waits for a code in this conversation, if one does."""
        return self._challenges.pending(conversation_id)

    def latest_id(self, conversation_id: str) -> str | None:
        """The last challenge of the last ten minutes in this conversation, waiting or not.

        Text that looks like a code belongs to it: the channel answers it instead of letting a late
        or repeated code through to Rasa.
        """
        return self._challenges.latest(conversation_id)

    def failed_codes(self, conversation_id: str) -> int:
        """How many wrong codes were given in this conversation within the last hour."""
        return self._challenges.failed(conversation_id, self._attempts)

    def answer(
        self,
        challenge_id: str,
        session_id: str,
        conversation_id: str,
        code: object,
        *,
        known_with: str = "",
    ) -> Grant:
        """The grant for a good answer: a code, or what a passkey signed; raises `ChallengeRefused`, or
        `StepUpUnavailable` when it cannot be recorded. An answer that was good is used up either way.

        `known_with` is the authenticator that gave a good code in this browser before; see
        `gatehouse.stepup.throttle`. A code that is wrong, used, not looked at because of the
        throttle, or for somebody without an authenticator costs the same work.
        """
        challenge = self._waiting(challenge_id, session_id, conversation_id)
        person, about = challenge.person_id, self.approval_of(challenge)
        counter = self.counter_of(person, known_with, about)
        reading = self._factors.reading(code)
        asked = [one for one in reading if self._factors.worth(one.kind, challenge.level)]
        unread = "malformed" if not reading else "" if asked else "too_weak"
        attempts_left = self._count_try(challenge, counter, unread)
        try:
            passed = self._factors.verify(asked, person, code, about)
        except CodeRefused as refusal:
            with transaction(self._engine) as connection:
                self._throttle.settle(connection, counter, slip=refusal.slip)
            raise self._failed(challenge, refusal, attempts_left) from None
        if not self._challenges.claim(challenge.id, passed.step):
            found = self._challenges.find(challenge_id, session_id, conversation_id)
            raise self._refused(challenge, _refusal_of(found))
        given = self._factors.level(passed.kind)
        self._write("step_up_passed", challenge.subject, factor=passed.kind, level=given)
        with transaction(self._engine) as connection:
            self._throttle.good(connection, counter)
        return self._grants.issue(replace(challenge.subject, level=given))

    def approval_of(self, challenge: Challenge) -> str:
        """What an answer to `challenge` is bound to; see `Tags.approval`."""
        return self._tags.approval(challenge.id, challenge.subject)

    def session_tag(self, session_id: str) -> str:
        """What stands for a session in the tables of step-up."""
        return self._tags.of("session", session_id)

    def counter_of(self, person_id: str, known_with: str, about: str = "") -> Counter:
        """What a code of a person is counted under, wherever it is given."""
        mine = self._totp.authenticators.account(person_id)
        account = mine or self._tags.of("person", person_id)
        weight = max(1, self._factors.candidates(person_id, about))
        return Counter(account, known=mine is not None and known_with == mine, weight=weight)

    def codes_standing(self, person_id: str) -> tuple[Standing, Standing]:
        """How codes of a person stand in browsers where a good one was given, and in all others."""
        mine = self.authenticator_of(person_id)
        counters = [self.counter_of(person_id, given) for given in (mine, "")]
        with transaction(self._engine) as connection:
            known, other = (self._throttle.check(connection, counter) for counter in counters)
        return known, other

    def authenticator_of(self, person_id: str) -> str:
        """What a browser is remembered with in which the person gave a good code; "" without a factor."""
        return self._totp.authenticators.account(person_id) or ""

    def authenticator_ids(self, person_id: str) -> frozenset[str]:
        """The ids of what the person has set up now."""
        return frozenset(one.id for one in self._totp.authenticators.of(person_id))

    def can_confirm(self, person_id: str, level: str = USUAL) -> tuple[str, ...]:
        """The kinds of factors that the person can confirm what needs `level` with; none: it cannot be
        asked."""
        return self._factors.kinds(person_id, level)

    def offers(self, challenge: Challenge) -> tuple[Offer, ...]:
        """The ways in which `challenge` can be confirmed."""
        return self._factors.offers(challenge.person_id, challenge.level)

    def browser_options(self, challenge: Challenge) -> Mapping[str, Any] | None:
        """What a browser needs to have a passkey confirm `challenge`; None without one."""
        about = self.approval_of(challenge)
        return self._factors.options(challenge.person_id, challenge.level, about)

    def deliver(
        self, challenge_id: str, session_id: str, conversation_id: str, authenticator_id: str
    ) -> str:
        """Send a code for a challenge to one of the person's addresses; where it went, shortened.

        Only where such a code is worth enough. Raises `ChallengeRefused` when nothing waits, `NotSent`.
        """
        challenge = self._waiting(challenge_id, session_id, conversation_id)
        offer = next((one for one in self.offers(challenge) if one.id == authenticator_id), None)
        carrier = None if offer is None else self._carriers.get(offer.kind)
        if offer is None or carrier is None:
            raise NotSent("unknown")
        self._write("step_up_sent", challenge.subject, factor=offer.kind)
        about = self.approval_of(challenge)
        return carrier.send(challenge.person_id, offer.id, about, challenge.expires_at)

    def waiting(self, challenge_id: str, session_id: str, conversation_id: str) -> Challenge:
        """The challenge that waits under this id; raises `ChallengeRefused` when it does not."""
        return self._waiting(challenge_id, session_id, conversation_id)

    def cancel(self, challenge_id: str, session_id: str, conversation_id: str) -> bool:
        """Stop waiting, because the person says so; false when it did not wait any more."""
        found = self._challenges.find(challenge_id, session_id, conversation_id)
        if found.challenge is None or not self._challenges.cancel(challenge_id):
            return False
        self._write("step_up_cancelled", found.challenge.subject, reason="person")
        return True

    def redeem(
        self,
        grant_id: str,
        *,
        person_id: str,
        session_id: str,
        conversation_id: str,
        intent: str,
        values: Mapping[str, str] | None,
        message_id: str,
        level: str = USUAL,
    ) -> Grant:
        """Use a grant for one message; raises `GrantRefused`.

        The first message that uses it may do so again (the dialogue policy asks, then the action);
        any other is refused. `values` None asks at the level of the intent, before the values are
        known; the action asks again with them. `level` is what is needed now, which may be more than
        when the challenge was opened.
        """
        use = Use(person_id, session_id, conversation_id, intent, values, message_id, level)
        try:
            grant = self._grants.redeem(grant_id, use)
        except GrantRefused as refusal:
            self._note("step_up_refused", use, reason=refusal.reason)
            raise
        stage = "intent" if values is None else "values"
        self._note("step_up_redeemed", use, stage=stage, level=level, request=grant.nonce[:16])
        return grant

    def prove(
        self,
        person_id: str,
        answer: object,
        purpose: str,
        values: Mapping[str, str],
        *,
        known_with: str = "",
        level: str = USUAL,
    ) -> Grant:
        """Take an answer that comes together with what it is for, such as a command at a terminal.

        Throttled, counted, recorded and used up like one that was asked for, and good for this
        `purpose` with these `values` alone. Raises `ChallengeRefused`.
        """
        session, conversation, message = (secrets.token_hex(16) for _ in range(3))
        challenge = self.request(
            person_id=person_id,
            session_id=session,
            conversation_id=conversation,
            intent=purpose,
            values=values,
            prompt=purpose.replace("_", " "),
            resume=Resume("action", purpose),
            level=level,
        )
        grant = self.answer(challenge.id, session, conversation, answer, known_with=known_with)
        return self.redeem(
            grant.id,
            person_id=person_id,
            session_id=session,
            conversation_id=conversation,
            intent=purpose,
            values=values,
            message_id=message,
            level=level,
        )

    def resume_of(self, grant_id: str, conversation_id: str) -> Resume | None:
        """How the request of a grant goes on, None when there is no such grant any more."""
        return self._grants.resume_of(grant_id, conversation_id)

    def forget_session(self, session_id: str) -> int:
        """Void everything of a session that ended; returns how many rows."""
        return self._forget("session", session_id)

    def forget_conversation(self, conversation_id: str) -> int:
        """Erase everything of a conversation that ended; returns how many rows."""
        return self._forget("conversation", conversation_id)

    def forget_person(self, person_id: str) -> int:
        """Erase every request and grant of a person; returns how many rows."""
        return self._forget("person", person_id)

    def expire(self) -> int:
        """Close and delete what is over; for the purge loop. Returns how many rows went."""
        with transaction(self._engine) as connection:
            counted = self._throttle.prune(connection)
        return self._challenges.expire(_KEEP_SECONDS) + self._grants.expire() + counted

    def _waiting(self, challenge_id: str, session_id: str, conversation_id: str) -> Challenge:
        found = self._challenges.find(challenge_id, session_id, conversation_id)
        if found.challenge is not None:
            return found.challenge
        refusal = _refusal_of(found)
        self._call("step_up_refused", conversation=conversation_id, reason=refusal.reason)
        raise refusal

    def _count_try(self, challenge: Challenge, counter: Counter, unread: str) -> int:
        """Throttle, then count one try, unless the answer is not looked at because it is `unread` (the
        reason); the tries left. Raises `ChallengeRefused`."""
        left: int | None = None
        with transaction(self._engine) as connection:
            standing = self._throttle.check(connection, counter)
            looked_at = standing.open and not unread
            left = self._challenges.take_attempt(connection, challenge.id if looked_at else "")
            if left is not None:
                self._throttle.count(connection, counter, standing)
            else:
                self._throttle.count_none(connection, counter, standing)
        if left is not None:
            return left
        self._totp.pretend(challenge.person_id)
        with transaction(self._engine) as connection:
            self._throttle.settle(connection, counter, slip=False)
        self._challenges.passed_with(challenge.person_id, challenge.session_id, None)
        remaining = challenge.attempts_left
        if standing.locked:
            refusal = ChallengeRefused("locked", state="" if counter.known else "locked_here")
        elif not standing.open:
            refusal = ChallengeRefused(
                "throttled", attempts_left=remaining, retry_after=standing.wait
            )
        elif unread:
            refusal = ChallengeRefused(unread, attempts_left=remaining)
        else:
            refusal = self._gone(challenge)
        raise self._refused(challenge, refusal)

    def _gone(self, challenge: Challenge) -> ChallengeRefused:
        found = self._challenges.find(challenge.id, challenge.session_id, challenge.conversation_id)
        return _refusal_of(found)

    def _failed(
        self, challenge: Challenge, refusal: CodeRefused, attempts_left: int
    ) -> ChallengeRefused:
        """Record a wrong code and choose the words for it; the log gets the true reason."""
        subject = challenge.subject
        if refusal.reason == "not_enrolled":
            self._challenges.passed_with(challenge.person_id, challenge.session_id, None)
            return self._refused(challenge, ChallengeRefused("not_enrolled"))
        mine = self._challenges.passed_with(challenge.person_id, challenge.session_id, refusal.step)
        self._write("step_up_failed", subject, reason=refusal.reason, attempts_left=attempts_left)
        if attempts_left == 0:
            self._write("step_up_cancelled", subject, reason="too_many")
            return ChallengeRefused("too_many")
        told = refusal.reason if mine or refusal.reason == "cloned" else "wrong"
        return ChallengeRefused(told, attempts_left=attempts_left)

    def _refused(self, challenge: Challenge, refusal: ChallengeRefused) -> ChallengeRefused:
        self._write("step_up_refused", challenge.subject, reason=refusal.reason)
        return refusal

    def _forget(self, kind: str, identity: str) -> int:
        column, tag = f"{kind}_tag", self._tags.of(kind, identity)
        return self._challenges.forget(column, tag) + self._grants.forget(column, tag)

    def _write(self, kind: str, subject: Subject, **facts: Any) -> None:
        self._call(
            kind,
            person=subject.person_id,
            conversation=subject.conversation_id,
            intent=subject.intent,
            request=subject.nonce[:16],
            **facts,
        )

    def _note(self, kind: str, use: Use, **facts: Any) -> None:
        self._call(
            kind,
            person=use.person_id,
            conversation=use.conversation_id,
            intent=use.intent,
            **facts,
        )

    def _call(self, kind: str, **facts: Any) -> None:
        if self._record is None:
            return
        try:
            self._record(kind, **facts)
        except Exception as error:
            raise StepUpUnavailable from error


def _refusal_of(found: Found) -> ChallengeRefused:
    if found.state == "exhausted":
        return ChallengeRefused("too_many")
    if found.state == "expired":
        return ChallengeRefused("expired")
    state = "" if found.state == "pending" else found.state
    return ChallengeRefused("unknown", state=state)

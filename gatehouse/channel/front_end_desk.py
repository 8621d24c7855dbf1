"""What happens to front ends and their tokens, once a request was read: proven, recorded, then done.

Blocks; the endpoints of `front_ends` run it in a thread. A token takes the key of the front end and a
second factor of its person at that moment. Each thing is in the audit log before it counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gatehouse.channel import proofs
from gatehouse.channel.failures import ApiError
from gatehouse.channel.services import Services
from gatehouse.channel.signing_in import CHOOSE_PASSWORD
from gatehouse.channel.speaker import Speaker
from gatehouse.errors import InvalidInput
from gatehouse.identity.front_ends import (
    LEAST,
    FrontEndRefused,
    PublicKey,
    Terms,
    checked_scopes,
)
from gatehouse.stepup import ChallengeRefused

if TYPE_CHECKING:
    from gatehouse.identity import Person, Session
    from gatehouse.identity.front_ends import FrontEnd

NO_FRONT_END = "There is no such front end any more."


class FrontEndDesk:
    """The front ends of one deployment; `keys_address` is where keys are replaced, part of what is signed."""

    def __init__(self, services: Services, keys_address: str) -> None:
        self._services = services
        self._keys_address = keys_address
        self._terms = services.settings.front_ends

    def issue(
        self, front_end: FrontEnd, key: str, code: proofs.Answer, wanted: tuple[str, ...]
    ) -> tuple[str, Session, Person, list[Session]]:
        services = self._services
        person = services.directory.get(front_end.person_id)
        if person is None or person.disabled:
            raise self._refused(
                front_end, "account_closed", ApiError(401, "front_end", NO_FRONT_END)
            )
        if person.must_change_password:
            choose = ApiError(403, "initial_password", CHOOSE_PASSWORD)
            raise self._refused(front_end, "initial_password", choose)
        scopes = frozenset(wanted or LEAST)
        if not scopes <= front_end.scopes:
            beyond = ApiError(403, "scope", "This front end may not have these scopes.")
            raise self._refused(front_end, "scope", beyond)
        self._confirm(person, front_end, code, "access_token", {"scopes": " ".join(sorted(scopes))})
        now = services.clock.now()
        longest = min(now + self._terms.session, front_end.expires_at)
        until = min(now + self._terms.token, longest)
        terms = Terms(front_end.id, key, scopes, until, longest)
        # Before it counts; whoever has one token of a front end has no use for two.
        services.audit.append(
            "token_issued", person=person.id, front_end=front_end.id, scopes=sorted(scopes)
        )
        ended = self._close_tokens(front_end)
        token, session = services.sessions.open_token(person, terms, front_end.name)
        services.conversations.started(session.conversation_id, person.id)
        authenticator = services.step_up.authenticator_of(person.id)
        services.front_ends.confirmed(front_end.id, authenticator)
        return token, session, person, ended

    def renew(self, speaker: Speaker) -> tuple[str, Session]:
        services, terms = self._services, speaker.session.terms
        assert terms is not None
        now = services.clock.now()
        until = min(now + self._terms.token, terms.longest)
        if until <= now + 1:
            raise ApiError(403, "renewal", "This token cannot be renewed any more. Get a new one.")
        services.audit.append(
            "token_issued",
            person=speaker.person.id,
            front_end=terms.front_end,
            scopes=sorted(terms.scopes),
            renewed=True,
        )
        return services.sessions.renew_token(speaker.session.id, replace(terms, until=until))

    def register(
        self,
        person: Person,
        code: proofs.Answer,
        name: str,
        domain: str,
        scopes: tuple[str, ...],
        key: PublicKey,
    ) -> FrontEnd:
        services = self._services
        said = {"name": name, "domain": domain, "scopes": " ".join(sorted(scopes))}
        self._prove(person, code, "register_front_end", said)
        try:
            services.audit.append(
                "administration",
                operation="front_end.register",
                person=person.id,
                by="person",
                scopes=sorted(checked_scopes(scopes)),
            )
            made = services.front_ends.register(
                person.id, name, domain, scopes, key, self._terms.key
            )
        except InvalidInput as error:
            raise ApiError(
                400, "invalid", f"{error.message[:1].upper()}{error.message[1:]}."
            ) from error
        services.notices.tell(person.id, made.told("was registered for your account"))
        return made

    def rotate(
        self, speaker: Speaker, key: PublicKey, assertion: str, code: proofs.Answer
    ) -> FrontEnd:
        services, terms = self._services, speaker.session.terms
        assert terms is not None
        front_end = services.front_ends.get(terms.front_end)
        if front_end is None:
            raise FrontEndRefused("front_end")
        services.front_ends.prove_possession(assertion, key, front_end, self._keys_address)
        self._confirm(speaker.person, front_end, code, "front_end_key", {"key": key.id})
        services.audit.append(
            "administration",
            operation="front_end.rotate",
            person=speaker.person.id,
            by="person",
            front_end=front_end.id,
        )
        try:
            services.front_ends.rotate(front_end.id, key, self._terms.overlap)
        except InvalidInput as error:
            raise ApiError(
                400, "invalid", f"{error.message[:1].upper()}{error.message[1:]}."
            ) from error
        services.notices.tell(speaker.person.id, front_end.told("has a new key"))
        return front_end

    def end(self, speaker: Speaker, front_end_id: str) -> list[Session]:
        """Revoke one of the speaker's front ends; its sessions. A front end ends itself only."""
        services, terms = self._services, speaker.session.terms
        found = services.front_ends.get(front_end_id)
        foreign = found is None or found.person_id != speaker.person.id
        if found is None or foreign or (terms is not None and terms.front_end != front_end_id):
            raise ApiError(404, "not_found", NO_FRONT_END)
        services.audit.append(
            "administration",
            operation="front_end.revoke",
            person=speaker.person.id,
            by="person",
            front_end=front_end_id,
        )
        services.front_ends.revoke(front_end_id)
        return self._close_tokens(found)

    def _close_tokens(self, front_end: FrontEnd) -> list[Session]:
        services, ended = self._services, []
        for one in services.sessions.of_person(front_end.person_id):
            mine = one.terms is not None and one.terms.front_end == front_end.id
            if mine and services.sessions.close(one.id):
                services.step_up.forget_session(one.id)
                ended.append(one)
        return ended

    def _confirm(
        self,
        person: Person,
        front_end: FrontEnd,
        code: proofs.Answer,
        purpose: str,
        said: dict[str, str],
    ) -> None:
        """`_prove`, in a front end that the person's codes were good in before."""
        bound = {"front_end": front_end.id, "domain": front_end.domain, **said}
        try:
            self._prove(person, code, purpose, bound, front_end.confirmed_with)
        except ApiError as error:
            raise self._refused(front_end, error.code, error) from error

    def _prove(
        self,
        person: Person,
        code: proofs.Answer,
        purpose: str,
        said: dict[str, str],
        known_with: str = "",
    ) -> None:
        """Raise `ApiError` unless `code` is good now; it is used up, for this purpose alone."""
        try:
            self._services.step_up.prove(person.id, code, purpose, said, known_with=known_with)
        except ChallengeRefused as refused:
            raise proofs.refused(refused) from refused

    def _refused(self, front_end: FrontEnd, reason: str, error: ApiError) -> ApiError:
        self._services.audit.append(
            "token_refused", person=front_end.person_id, front_end=front_end.id, reason=reason
        )
        return error

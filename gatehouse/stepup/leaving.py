"""Lets somebody who has left go: nothing of theirs opens again by itself.

The one way for commands, lists and the webhook of the HR system; whoever calls records it first. An account
that is enabled again later has no password, no second factor and no link to a provider.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.engine import Engine

from gatehouse.identity import Directory, Sessions
from gatehouse.identity.front_ends import FrontEnds
from gatehouse.identity.provider.links import forget
from gatehouse.stepup.assembly import StepUpParts


class Parts(Protocol):
    """What of a deployment is needed here."""

    @property
    def directory(self) -> Directory: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def factors(self) -> StepUpParts: ...
    @property
    def front_ends(self) -> FrontEnds: ...
    @property
    def engine(self) -> Engine: ...


def let_go(parts: Parts, person_id: str) -> None:
    """Disable a person, end every session, forget password, factors, front ends and the link to the provider.

    The door is shut first, so that what is cut off after it can be done again.
    """
    parts.directory.disable(person_id)
    for session in parts.sessions.of_person(person_id):
        parts.factors.step_up.forget_session(session.id)
    parts.sessions.close_all(person_id)
    parts.directory.forget_password(person_id)
    parts.factors.remove(person_id)
    forget(parts.engine, person_id)
    parts.front_ends.forget(person_id)

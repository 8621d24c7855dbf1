"""Setting up an authenticator app in the chat page: a secret to scan, and its first code.

The secret is shown once, to the session that proved the change, and is worth nothing before its first
good code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gatehouse.errors import InvalidInput
from gatehouse.identity.people import Person
from gatehouse.stepup.qr import qr_code
from gatehouse.stepup.totp import Totp


class AppEnrolment:
    """`gatehouse.stepup.own_factors.Enroller` for authenticator apps."""

    kind: Final = "totp"

    def __init__(self, totp: Totp) -> None:
        self._totp = totp

    def check(self, address: str) -> str:
        if address:
            raise InvalidInput("An authenticator app has no address.")
        return ""

    def begin(
        self, person: Person, name: str, address: str, session_tag: str
    ) -> tuple[str, Mapping[str, Any]]:
        made = self._totp.enrol(person.id, person.username, name=name, session_tag=session_tag)
        drawn = qr_code(made.uri)
        shown = {
            "secret": made.secret,
            "uri": made.uri,
            "qr": {"size": drawn.size, "path": drawn.path},
        }
        return made.id, shown

    def confirm(
        self,
        person_id: str,
        identity: str,
        answer: object,
        session_tag: str,
        before: Callable[[], None],
    ) -> None:
        self._totp.confirm(
            person_id, answer, identity=identity, session_tag=session_tag, before=before
        )

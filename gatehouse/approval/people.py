"""Who stands for an edit: a person of the directory with the right role, a password and a code.

The code is asked for through the same challenge as in the chat, bound to the one revision, so that
wrong ones are counted, delayed and recorded alike and a good one is worth nothing for another edit.
A typed name alone proves nothing and must never be enough.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from gatehouse.errors import GatehouseError
from gatehouse.identity import Directory, Person, SignInRefused
from gatehouse.stepup import StepUp

SOURCE = "command line"


class ApprovalRefused(GatehouseError):
    """The person may not stand for an edit."""

    exit_code = 3


class Approver:
    """Proves people; `role` is the one that they need, and `directory` makes one that knows it."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        step_up: StepUp,
        role: str,
        record: Callable[..., object],
        named_by: str = "[policy] approver_role",
    ) -> None:
        """`record` writes to the audit log that somebody was refused; `named_by` is the setting that
        names `role`."""
        self._named_by = named_by
        self._record = record
        self._make = directory
        self._step_up = step_up
        self._role = role

    @cached_property
    def _directory(self) -> Directory:
        # Opened when it is needed: it costs a hash, and most processes never ask.
        return self._make()

    def name_of(self, person_id: str) -> str | None:
        """The user name of a person who may stand for edits now, None otherwise."""
        person = self._directory.get(person_id)
        return person.username if person is not None and self._may(person) else None

    def prove(
        self,
        username: str,
        password: str,
        code: Callable[[], str],
        purpose: str,
        revision: str,
        may: Callable[[str], object] = lambda person_id: None,
    ) -> Person:
        """The person, once password and code are right and the role is there.

        `purpose` completes "to …" and `code` asks for the code afterwards, unless `may` raises: no
        code is used up for what its owner may not do. Raises `SignInRefused`,
        `ChallengeRefused`, `ApprovalRefused`.
        """
        try:
            person = self._directory.check_password(username, password, source=SOURCE)
        except SignInRefused as refused:
            tried = self._directory.named(username)
            self._record("sign_in_refused", person=tried, reason=refused.reason, purpose=purpose)
            raise
        if not self._may(person):
            self._record("sign_in_refused", person=person.id, reason="role", purpose=purpose)
            raise ApprovalRefused(
                f"this needs the role {self._role!r}",
                f"`gatehouse people role` gives it; {self._named_by} names another",
            )
        if person.must_change_password:
            reason = "initial_password"
            self._record("sign_in_refused", person=person.id, reason=reason, purpose=purpose)
            raise ApprovalRefused("change the initial password first", "sign in at the chat page")
        may(person.id)
        self._step_up.prove(person.id, code(), purpose, {"revision": revision})
        return person

    def _may(self, person: Person) -> bool:
        return not person.disabled and self._role in person.roles

"""People whom the provider knows and the directory does not yet, and what it says about those it does.

Nobody is created or changed without an audit entry first, nobody by a name or an address, and nobody
without a role. What a person may do here ends with the role that the provider takes away.
"""

from __future__ import annotations

from collections.abc import Callable

from gatehouse.errors import InvalidInput
from gatehouse.identity.directory import Directory
from gatehouse.identity.people import Person
from gatehouse.identity.provider.claims import Profile
from gatehouse.identity.provider.errors import ProviderRefused
from gatehouse.identity.provider.links import Links
from gatehouse.settings import Provider


class Newcomers:
    """The rules of one deployment; `record` writes an audit entry or raises."""

    def __init__(
        self,
        settings: Provider,
        directory: Directory,
        links: Links,
        record: Callable[..., object],
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._links = links
        self._record = record

    def meet(self, profile: Profile) -> Person:
        """The person whom somebody without a link becomes; raises `ProviderRefused`."""
        if self._settings.newcomers == "match":
            return self._matched(profile)
        if self._settings.newcomers == "create":
            return self._created(profile)
        raise ProviderRefused("unknown")

    def refresh(self, person: Person, profile: Profile) -> Person:
        """`person` with what the provider says now; raises `ProviderRefused` when no role is left."""
        if profile.roles is None:
            if not person.roles:
                raise ProviderRefused("roles", person_id=person.id)
            return person
        if not profile.roles:
            raise ProviderRefused("roles", person_id=person.id)
        said = {
            "display_name": profile.display_name or person.display_name,
            "department": profile.department or person.department,
            "employment_type": profile.employment_type or person.employment_type,
        }
        same = all(getattr(person, name) == value for name, value in said.items())
        if same and profile.roles == person.roles:
            return person
        self._record(
            "administration",
            operation="people.role",
            person=person.id,
            roles=sorted(profile.roles),
            by="provider",
        )
        try:
            return self._directory.revise(
                person.id, roles=profile.roles, employee_id=person.employee_id, **said
            )
        except InvalidInput as error:
            raise ProviderRefused("claims", person_id=person.id) from error

    def _matched(self, profile: Profile) -> Person:
        found = self._directory.with_employee_id(profile.employee_id)
        if len(found) != 1:
            raise ProviderRefused("unknown")
        if found[0].disabled:
            raise ProviderRefused("disabled", person_id=found[0].id)
        self._link(profile, found[0])
        return found[0]

    def _created(self, profile: Profile) -> Person:
        if not profile.roles:
            raise ProviderRefused("roles")
        self._record("administration", operation="people.add", by="provider")
        try:
            person = self._directory.add_without_password(
                profile.username,
                profile.display_name or profile.username,
                profile.roles,
                department=profile.department,
                employment_type=profile.employment_type,
                employee_id=profile.employee_id,
            )
        except InvalidInput as error:
            # Also a user name that is taken: it is never taken over.
            raise ProviderRefused("claims") from error
        self._link(profile, person)
        return person

    def _link(self, profile: Profile, person: Person) -> None:
        self._record("administration", operation="people.link", person=person.id, by="provider")
        try:
            self._links.link(profile.subject, person.id)
        except InvalidInput as error:
            raise ProviderRefused("unknown", person_id=person.id) from error

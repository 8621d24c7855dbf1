"""Changes of a person's own factors: what each is called, is bound to, and takes.

The words here are what is approved, so they name everything that the change will do. Must let nobody lose the last
factor that some request needs without being told, and must ask for a passkey where one is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.identity.people import Person
from gatehouse.stepup.authenticators import Authenticator, Authenticators
from gatehouse.stepup.levels import STRONGEST, USUAL, reaches
from gatehouse.stepup.naming import NAMES, checked_name, require_another, told_apart


class Enroller(Protocol):
    """How an authenticator of one kind is set up."""

    @property
    def kind(self) -> str: ...

    def check(self, address: str) -> str:
        """`address` as it is kept ("" for a kind without); raises `InvalidInput`."""

    def begin(
        self, person: Person, name: str, address: str, session_tag: str
    ) -> tuple[str, Mapping[str, Any]]:
        """Begin an enrolment in a session: its id, and what the page has to show or to do."""

    def confirm(
        self,
        person_id: str,
        identity: str,
        answer: object,
        session_tag: str,
        before: Callable[[], None],
    ) -> None:
        """Activate it with a first good answer, after `before`; raises `CodeRefused`."""


class LastFactor(GatehouseError):
    """Without this authenticator the person could not confirm some requests any more."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change: `add` one of `kind`, `remove` that of `id`, or make new `recovery` codes;
    a new `password` is approved here and set elsewhere."""

    what: str
    kind: str = ""
    name: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    id: str = ""
    anyway: bool = False


class Changes:
    """The changes of one deployment; `level` is what an authenticator of a kind is worth, `levels_asked` are
    those that the policies ask for."""

    def __init__(
        self,
        authenticators: Authenticators,
        enrollers: Mapping[str, Enroller],
        levels_asked: Callable[[], Collection[str]],
        level: Callable[[str], str],
    ) -> None:
        self._authenticators = authenticators
        self._enrollers = enrollers
        self._levels_asked = levels_asked
        self._level = level

    def described(self, person_id: str, change: Change) -> tuple[str, dict[str, str], str]:
        """The prompt of a change, the values that it is bound to, and the level that it needs."""
        if change.what == "recovery":
            return (
                "get new recovery codes; all former ones become void",
                {"change": "recovery"},
                USUAL,
            )
        if change.what == "password":
            return "change your password", {"change": "password"}, USUAL
        if change.what == "remove":
            return self._removal(person_id, change)
        enroller = self._enrollers.get(change.kind)
        if change.what != "add" or enroller is None:
            raise InvalidInput("There is no such change.")
        taken = [one.name for one in self._authenticators.of(person_id)]
        name = checked_name(change.name or told_apart(NAMES[change.kind], taken))
        require_another(name, taken)
        address = enroller.check(change.address)
        self._authenticators.check_room(person_id, change.kind)
        values = {"change": "add", "kind": change.kind, "name": name, "address": address}
        to = f" for {address}" if address else ""
        prompt = f"add the {NAMES[change.kind].lower()} “{name}”{to} to your account"
        return prompt, values, self._level_for(person_id, change.kind)

    def _removal(self, person_id: str, change: Change) -> tuple[str, dict[str, str], str]:
        every = self._authenticators.of(person_id)
        gone = next((one for one in every if one.id == change.id), None)
        if gone is None:
            raise InvalidInput("There is no such authenticator any more.")
        if not change.anyway and self._needed(gone, [one for one in every if one.id != gone.id]):
            raise LastFactor(
                f"{named(gone)} is the last one that confirms requests which need it. Without it "
                "they are refused until you set up another one."
            )
        prompt = f"remove the {NAMES[gone.kind].lower()} “{gone.name}” from your account"
        # One that is suspended proves nothing any more, so it cannot be what is asked for.
        level = USUAL if gone.suspended else self._level_for(person_id, gone.kind)
        return prompt, {"change": "remove", "id": gone.id}, level

    def _needed(self, gone: Authenticator, left: Sequence[Authenticator]) -> bool:
        """Whether some policy asks for what `gone` gives and none of those `left` does."""
        lasting = [self._level(one.kind) for one in left if not one.suspended]
        return any(
            reaches(self._level(gone.kind), asked) and not any(reaches(l, asked) for l in lasting)
            for asked in self._levels_asked()
        )

    def _level_for(self, person_id: str, kind: str) -> str:
        has_passkey = any(
            not one.suspended for one in self._authenticators.of(person_id, "webauthn")
        )
        return STRONGEST if kind == "webauthn" and has_passkey else USUAL


def named(one: Authenticator) -> str:
    """An authenticator at the beginning of a sentence."""
    return f"The {NAMES[one.kind].lower()} “{one.name}”"

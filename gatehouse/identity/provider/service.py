"""Sign-in at the provider as the channel uses it: begin, finish, and what the provider ends later.

Finishing checks in this order: the flow is this browser's, the answer is this provider's, the code is good,
the ID token is genuine and for this flow, the person is known and may come in. The first failure
ends it, and what is found out about the person before is for the audit log only.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.engine import Engine

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.identity.directory import Directory
from gatehouse.identity.people import Person
from gatehouse.identity.provider.claims import Profile, Reading
from gatehouse.identity.provider.client import Client
from gatehouse.identity.provider.errors import ProviderRefused
from gatehouse.identity.provider.flows import Flow, Flows
from gatehouse.identity.provider.links import Links
from gatehouse.identity.provider.newcomers import Newcomers
from gatehouse.identity.provider.seen import Seen, keyed
from gatehouse.identity.provider.tokens import SKEW, Tokens
from gatehouse.settings import Settings
from gatehouse.settings.provider import ALGORITHMS

MAX_CODE = 2048


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, how surely and when; `replaces` is the session that the browser had before."""

    person: Person
    aal: int
    aal_at: float | None
    replaces: str = field(repr=False)
    profile: Profile = field(repr=False)


class ProviderSignIn:
    """Sign-in at the one provider of a deployment. All methods block."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        engine: Engine,
        key: bytes,
        directory: Directory,
        record: Callable[..., object],
    ) -> None:
        section = settings.provider
        self.name = section.name
        self._max_age = section.max_age
        self._clock = clock
        self._directory = directory
        self._reading = Reading(section, directory.roles)
        self.links = Links(engine, clock, key, section.issuer)
        self._newcomers = Newcomers(section, directory, self.links, record)
        self._seen = Seen(engine, clock, key)
        self._flows = Flows(clock, bytes.fromhex(keyed(key, "flow key")), self._seen)
        self.client = client_of(settings, clock)
        self._tokens = Tokens(
            section.issuer,
            section.client_id,
            section.algorithms,
            self.client.published.key,
            clock,
        )

    def begin(self, replaces: str = "") -> tuple[str, str]:
        """Where the browser goes, and the cookie that it keeps; raises `ProviderUnavailable`."""
        flow, cookie = self._flows.begin(replaces)
        return self.client.authorization_url(flow), cookie

    def finish(self, answer: Mapping[str, str], cookie: object) -> SignedIn:
        """Who signed in, by the `answer` (`code`, `state`, `iss` or `error`) that a browser brings.

        Raises `ProviderRefused` and `ProviderUnavailable`.
        """
        flow = self._flows.finish(cookie, answer.get("state"))
        self._check_issuer(answer)
        if "error" in answer:
            raise ProviderRefused("denied")
        code = answer.get("code", "")
        if not 0 < len(code) <= MAX_CODE:
            raise ProviderRefused("answer", "no code")
        token, access_token = self.client.exchange(code, flow)
        claims = self._tokens.identity(
            token, flow.nonce, access_token, needs_auth_time=bool(self._max_age)
        )
        self._check_age(claims)
        return self._admitted(self._reading.read(self.client.described(claims, access_token)), flow)

    def logout(self, token: object, end: Callable[[tuple[str, ...]], None]) -> None:
        """`end` the sessions here that a logout token is about; raises `ProviderRefused`.

        The same token counts once (Back-Channel Logout 1.0 section 2.6, `jti`), and only when `end`
        came through, so that the provider may try again.
        """
        said = self._tokens.logout(token)
        if self._seen.known("logout", said.token_id):
            raise ProviderRefused("replayed")
        end(self.links.sessions_of(said.subject, said.session))
        self._seen.first("logout", said.token_id, said.expires_at + 2 * SKEW)

    def prune(self) -> None:
        """Forget what is over."""
        self._seen.prune()
        self.links.prune()

    def _check_issuer(self, answer: Mapping[str, str]) -> None:
        """RFC 9207: an answer that names another issuer, or none where one is promised, is a mix-up."""
        found = self.client.metadata()
        named = answer.get("iss")
        if named is None and not found.names_itself:
            return
        if not hmac.compare_digest((named or "").encode(), found.issuer.encode()):
            raise ProviderRefused("issuer")

    def _check_age(self, claims: Mapping[str, Any]) -> None:
        if self._max_age and self._clock.now() - claims["auth_time"] > self._max_age + SKEW:
            raise ProviderRefused("assurance", "signed in too long ago")

    def _admitted(self, profile: Profile, flow: Flow) -> SignedIn:
        person_id = self.links.person_of(profile.subject)
        person = None if person_id is None else self._directory.get(person_id)
        if person is None:
            person = self._newcomers.meet(profile)
        if person.disabled:
            raise ProviderRefused("disabled", person_id=person.id)
        person = self._newcomers.refresh(person, profile)
        return SignedIn(person, profile.aal, profile.aal_at, flow.replaces, profile)


def open_provider(
    settings: Settings,
    clock: Clock,
    engine: Engine,
    key: bytes,
    directory: Directory,
    record: Callable[..., object],
) -> ProviderSignIn | None:
    """The provider that the settings name, None when they name none; asks nobody anything yet.

    Raises `InvalidInput` for settings that cannot work, `NotReady` for a secret that is not there.
    """
    if not settings.provider.issuer:
        return None
    require_sense(settings)
    return ProviderSignIn(settings, clock, engine, key, directory, record)


def client_of(settings: Settings, clock: Clock) -> Client:
    """Gatehouse as a client of the provider; raises `NotReady` for a secret that is not there."""
    section = settings.provider
    authority = str(settings.path(section.authority)) if section.authority else ""
    resolved = replace(section, authority=authority)
    return Client(resolved, settings.server.origin, _secret(settings), clock)


def require_sense(settings: Settings) -> None:
    """Raises `InvalidInput` for a section that cannot work."""
    section = settings.provider
    if not section.issuer.startswith("https://") or "?" in section.issuer or "#" in section.issuer:
        raise InvalidInput("provider.issuer: must be an https:// address without query")
    if not section.client_id:
        raise InvalidInput("provider.client_id: is needed with provider.issuer")
    if "openid" not in section.scopes:
        raise InvalidInput("provider.scopes: openid is needed")
    odd = sorted(set(section.algorithms) - set(ALGORITHMS))
    if odd or not section.algorithms:
        raise InvalidInput("provider.algorithms: is not allowed", f"of {', '.join(ALGORITHMS)}")
    if section.newcomers == "match" and not section.employee_id_claim:
        raise InvalidInput("provider.employee_id_claim: is needed to match by it")
    if section.newcomers == "create" and not section.roles_claim:
        raise InvalidInput("provider.roles_claim: is needed to create people")


def _secret(settings: Settings) -> str:
    name = settings.provider.client_secret_file
    if not name:
        return ""
    path = settings.path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise NotReady(
                "provider.client_secret_file: others can read it", "make its mode 0600 (chmod 600)"
            )
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotReady("provider.client_secret_file: it cannot be read") from error

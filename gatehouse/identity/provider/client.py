"""Gatehouse as a client of the provider: where the browser goes, and the code that it brings back.

The redirect address is one, fixed by `server.public_origin`. The code is exchanged with its PKCE verifier,
and nothing of the answer but the ID token is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session

from gatehouse.clock import Clock
from gatehouse.identity.provider import web
from gatehouse.identity.provider.errors import ProviderRefused, ProviderUnavailable
from gatehouse.identity.provider.flows import AFTER_PATH, RETURN_PATH, Flow
from gatehouse.identity.provider.metadata import Metadata, Published
from gatehouse.settings import Provider

SIGNED = ("acr", "amr", "auth_time", "sid")
"""Claims that count only where they are signed."""


class Client:
    """One client at one provider; `secret` may be empty for a public client."""

    def __init__(self, settings: Provider, origin: str, secret: str, clock: Clock) -> None:
        self._settings = settings
        self._origin = origin.rstrip("/")
        self._secret = secret
        self.published = Published(settings.issuer, clock, self._fetch)

    @property
    def redirect_uri(self) -> str:
        return self._origin + RETURN_PATH

    @property
    def after_sign_out(self) -> str:
        return self._origin + AFTER_PATH

    def authorization_url(self, flow: Flow) -> str:
        """Where the browser goes to sign in; raises `ProviderUnavailable`."""
        found = self.published.metadata()
        if not found.offers_s256:
            # Without it the provider may take the code without the verifier (RFC 9700 section 2.1.1).
            raise ProviderUnavailable("the provider does not offer PKCE with S256")
        more: dict[str, str] = {}
        if self._settings.acr_values:
            more["acr_values"] = " ".join(self._settings.acr_values)
        if self._settings.max_age:
            more["max_age"] = str(self._settings.max_age)
        with self._session() as session:
            url, _ = session.create_authorization_url(
                found.authorization_endpoint,
                state=flow.state,
                code_verifier=flow.verifier,
                nonce=flow.nonce,
                response_mode="query",
                **more,
            )
        return str(url)

    def exchange(self, code: str, flow: Flow) -> tuple[str, str]:
        """ID token and access token for `code`; raises `ProviderRefused`, `ProviderUnavailable`."""
        endpoint = self.published.metadata().token_endpoint
        try:
            with self._session() as session:
                found = session.fetch_token(
                    endpoint,
                    code=code,
                    code_verifier=flow.verifier,
                    grant_type="authorization_code",
                    redirect_uri=self.redirect_uri,
                    allow_redirects=False,
                )
        except requests.RequestException as error:
            raise web.unavailable(error) from error
        except Exception as error:
            # An error that the provider states, or an answer that is no token response.
            raise ProviderRefused("answer", "code") from error
        token, access = found.get("id_token"), found.get("access_token", "")
        if not isinstance(token, str):
            raise ProviderRefused("answer", "no id_token")
        return token, access if isinstance(access, str) else ""

    def described(self, claims: Mapping[str, Any], access_token: str) -> dict[str, Any]:
        """`claims` of the ID token with what userinfo adds, if it is to be asked.

        It never replaces what is signed, and one about somebody else is refused (Core section 5.3.2).
        """
        endpoint = self.published.metadata().userinfo_endpoint if self._settings.userinfo else ""
        if not endpoint or not access_token:
            return dict(claims)
        with self._session() as session:
            more = web.fetch(session, endpoint, access_token)
        if more.get("sub") != claims["sub"]:
            raise ProviderRefused("answer", "userinfo")
        return {name: value for name, value in more.items() if name not in SIGNED} | dict(claims)

    def sign_out_url(self) -> str:
        """Where the browser goes to sign out there as well, "" when the provider offers nothing.

        OpenID Connect RP-Initiated Logout 1.0, by client id: no ID token is kept as a hint.
        """
        endpoint = self.published.metadata().end_session_endpoint
        if not endpoint:
            return ""
        asked = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": self.after_sign_out,
        }
        return str(requests.Request("GET", endpoint, params=asked).prepare().url)

    def metadata(self) -> Metadata:
        """What the provider says about itself."""
        return self.published.metadata()

    def _fetch(self, url: str) -> dict[str, Any]:
        with self._session() as session:
            return web.fetch(session, url)

    def _session(self) -> Any:
        settings = self._settings
        session = OAuth2Session(
            settings.client_id,
            self._secret or None,
            token_endpoint_auth_method=settings.client_auth if self._secret else "none",
            scope=" ".join(settings.scopes),
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
        )
        web.guard(session, settings.authority)
        return session

"""Whether the provider can be used as the settings say; asked by an operator, never by a browser.

Fetches what the provider publishes and compares. Changes nothing and shows no secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.clock import Clock
from gatehouse.errors import GatehouseError
from gatehouse.identity.provider.client import Client
from gatehouse.identity.provider.service import client_of, require_sense
from gatehouse.identity.provider.tokens import KINDS
from gatehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the provider: whether it is `good`, what it is, and what to do otherwise."""

    good: bool
    what: str
    remedy: str = ""


def look(settings: Settings, clock: Clock) -> tuple[Finding, ...]:
    """What is right and wrong with the provider of `settings`; empty when there is none."""
    if not settings.provider.issuer:
        return ()
    try:
        require_sense(settings)
        client = client_of(settings, clock)
        return tuple(_published(client, settings))
    except GatehouseError as error:
        return (Finding(False, error.message, next(iter(error.hints), "")),)


def _published(client: Client, settings: Settings) -> list[Finding]:
    section, found = settings.provider, client.metadata()
    usable = [
        name for name in section.algorithms if not found.algorithms or name in found.algorithms
    ]
    keys = client.published.kinds()
    signed = any(KINDS[name] in keys for name in usable)
    return [
        Finding(True, "the provider answers and calls itself as provider.issuer does"),
        Finding(
            found.offers_s256, "the provider offers PKCE with S256", "turn PKCE on at the provider"
        ),
        Finding(
            signed,
            "the provider publishes a key for a signature that provider.algorithms allows",
            f"it signs with {', '.join(sorted(found.algorithms)) or 'something else'}",
        ),
        Finding(
            found.names_itself,
            "the provider names itself in its answers (RFC 9207)",
            "nothing to do with a single provider",
        ),
        Finding(
            found.logs_out,
            "the provider tells when somebody signs out (back-channel logout)",
            "sessions here end by their own limits; set session.absolute accordingly",
        ),
    ]

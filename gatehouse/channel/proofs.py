"""How a request that waits for a second factor looks to a page, and how a page answers it.

The same for a request in the chat and for a change of one's own factors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gatehouse.channel import replies
from gatehouse.channel.body import only, text_field
from gatehouse.channel.failures import ApiError
from gatehouse.channel.sending import Sending
from gatehouse.stepup import ChallengeRefused
from gatehouse.stepup.recovery import PREFIX, parse_recovery
from gatehouse.stepup.tickets import PREFIX as TICKET

if TYPE_CHECKING:
    from gatehouse.stepup import Challenge, StepUp
    from gatehouse.stepup.factors import Offer

Answer = str | dict[str, Any]

_SIGNED = (
    "clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject", "transports",
)  # fmt: skip
NO_CODE = "A code has six digits, or is one of your recovery codes."


def shown(step_up: StepUp, challenge: Challenge, now: float) -> dict[str, Any]:
    """`challenge` as the browser may see it. Blocks."""
    offers = step_up.offers(challenge)
    options = step_up.browser_options(challenge)
    found = {
        "id": challenge.id,
        "prompt": replies.visible(challenge.prompt),
        "expires_in": max(0, int(challenge.expires_at - now)),
        "attempts_left": challenge.attempts_left,
        "level": challenge.level,
        "factors": list(dict.fromkeys(offer.kind for offer in offers)),
        "offers": [_offer(one) for one in offers],
    }
    return found if options is None else {**found, "assertion": dict(options)}


def read_answer(body: dict[str, Any], signed: str = "assertion") -> Answer:
    """The `code` of `body` as it is compared, or what a passkey `signed`; raises `ApiError` 400."""
    if signed in body:
        given = body[signed]
        if "code" in body or not isinstance(given, dict):
            raise ApiError(400, "invalid", "Give a code or what a passkey signed.")
        _only_signed(given)
        return given
    typed = text_field(body, "code", 32)
    digits = "".join(typed.split())
    if digits.isascii() and digits.isdigit() and len(digits) == 6:
        return digits
    found = parse_recovery(typed, PREFIX) or parse_recovery(typed, TICKET)
    if found is None:
        raise ApiError(400, "code", NO_CODE)
    return found


def _only_signed(signed: dict[str, Any]) -> None:
    only(signed, ("id", "rawId", "type", "response"))
    response = signed.get("response")
    if not isinstance(response, dict):
        raise ApiError(400, "invalid", "The answer of the passkey is not complete.")
    only(response, _SIGNED)


def refused(refusal: ChallengeRefused) -> ApiError:
    """`refusal` of an answer as the page gets it."""
    wait = max(1, math.ceil(refusal.retry_after)) if refusal.retry_after else None
    return ApiError(
        429 if refusal.reason == "throttled" else 403,
        refusal.reason,
        refusal.message,
        retry_after=wait,
        closed=refusal.closed,
        attempts_left=refusal.attempts_left,
    )


async def sent(sending: Sending, deliver: Callable[[], str]) -> str:
    """Where a code went that `deliver` sends; raises `ApiError`."""
    try:
        return await sending.run(deliver)
    except ChallengeRefused as refusal:
        raise refused(refusal) from refusal


def content_of(answer: Answer) -> str:
    """`answer` as text, to tell a repeated request from another one."""
    return answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True)


def _offer(offer: Offer) -> dict[str, str]:
    found = {"id": offer.id, "kind": offer.kind, "name": replies.visible(offer.name)}
    return {**found, "sent_to": offer.sent_to} if offer.sent_to else found

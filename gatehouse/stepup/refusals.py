"""Why a code or a grant was not accepted: a reason for the log and a sentence for the person.

A sentence says what happened and what to do next. It never tells somebody more about a code than
that it was not right, with one exception: the session that passed with a code is told that this
same code was already used. Anyone else who repeats it gets the answer of a wrong code.
"""

from __future__ import annotations

from gatehouse.errors import GatehouseError, Unavailable
from gatehouse.identity.sign_in import spoken_wait

_SENTENCES = {
    "wrong": "That code was not right. {tries}",
    "replayed": "That code was already used. Wait for the next one. {tries}",
    "malformed": "A code has six digits. Type the six digits that your authenticator app shows, "
    "or one of your recovery codes.",
    "too_many": "That was one wrong code too many, so I cancelled this request. "
    "You can ask for it again.",
    "expired": "This request waited too long for its code, so I cancelled it. "
    "Ask again if you still want it.",
    "throttled": "That was a lot of codes in a short time. Wait {wait}, then try again.",
    "locked": "Codes for this account are locked after too many wrong ones. "
    "Ask your administrator to reset your second factor.",
    "locked_here": "Codes for this account are locked after too many wrong ones, except in browsers "
    "where you gave a good code before. Use one of those, or ask your administrator to reset your "
    "second factor.",
    "not_enrolled": "You have no authenticator app set up yet. "
    "Set one up first, or ask your administrator.",
    "unknown": "No request is waiting for a code. Ask again if you still want something.",
    "passed": "This request is confirmed already.",
    "cancelled": "This request was cancelled. Ask again if you still want it.",
    "replaced": "A newer request took the place of this one.",
    "too_weak": "This needs a stronger proof than that. Choose one of the ways that are offered.",
    "cloned": "This passkey answered with a counter that went back, as a copy of it would. I do not "
    "accept it any more. Choose another way, and tell your administrator.",
}
_GOES_ON = frozenset({"wrong", "replayed", "malformed", "throttled", "too_weak", "cloned"})


class CodeRefused(GatehouseError):
    """The answer of a factor is not accepted. `reason` is `malformed`, `wrong`, `replayed`, `cloned` or
    `not_enrolled`; `step` is the number of a replayed one; `slip` says that a wrong one was nearly right, see
    `gatehouse.stepup.slips`. The message never says more than "not accepted"."""

    def __init__(self, reason: str, step: int | None = None, *, slip: bool = False) -> None:
        super().__init__("the code was not accepted")
        self.reason = reason
        self.step = step
        self.slip = slip


class ChallengeRefused(GatehouseError):
    """A code was not accepted for a challenge.

    `reason` is `wrong`, `replayed`, `cloned`, `malformed`, `too_weak`, `too_many`, `expired`,
    `throttled`, `locked`, `not_enrolled` or `unknown`. `message` is for the person. `closed` says that the request does
    not wait any more, or cannot be confirmed at all. `retry_after` is in seconds.
    """

    exit_code = 3

    def __init__(
        self,
        reason: str,
        *,
        attempts_left: int = 0,
        retry_after: float = 0.0,
        state: str = "",
    ) -> None:
        number = "1 try" if attempts_left == 1 else f"{attempts_left} tries"
        sentence = _SENTENCES[state if reason in ("unknown", "locked") and state else reason]
        super().__init__(sentence.format(tries=f"{number} left.", wait=spoken_wait(retry_after)))
        self.reason = reason
        self.attempts_left = attempts_left
        self.retry_after = retry_after
        self.closed = reason not in _GOES_ON


class GrantRefused(GatehouseError):
    """A grant does not cover this request. `reason` is `unknown`, `expired`, `person`, `session`,
    `conversation`, `intent`, `values`, `level`, `used` or `tampered`."""

    def __init__(self, reason: str) -> None:
        super().__init__("This was not confirmed with a code. Ask again to confirm it.")
        self.reason = reason


class StepUpUnavailable(Unavailable):
    """What was to happen could not be recorded, so it did not happen."""

    def __init__(self) -> None:
        super().__init__("This cannot be recorded right now, so I did not do it. Try again later.")


_NOT_SENT = {
    "too_soon": "A code is on its way. It can be sent again in {wait}.",
    "too_many_sent": "That was a lot of codes. Choose another way, or try again in {wait}.",
    "unknown": "There is no such address any more.",
}


class NotSent(GatehouseError):
    """A code could not be delivered. `reason` is `too_soon`, `too_many_sent`, `unknown`, or what kept it
    from being delivered; `retry_after` is in seconds. The message names no address."""

    exit_code = 6

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        sentence = _NOT_SENT.get(
            reason, "The code could not be sent. Choose another way, or try again in a minute."
        )
        super().__init__(sentence.format(wait=spoken_wait(retry_after)))
        self.reason = reason
        self.retry_after = retry_after

"""What can go wrong with a provider: it refuses, it lies, or it is away."""

from __future__ import annotations

from gatehouse.errors import GatehouseError, Unavailable


class ProviderRefused(GatehouseError):
    """Nobody is signed in. `reason` is for the audit log, one of

    `flow` (no flow of this browser, expired, or finished before), `issuer` (the answer comes from
    somebody else), `denied` (the person or the provider broke off), `answer` (the provider's answer
    cannot be used), `token` (a token is not what it should be; `detail` says what), `assurance`
    (signed in too long ago, or not as asked), `unknown` (linked to nobody), `claims` (they describe
    nobody who may be created), `roles` (they give none), `disabled`, `replayed`.

    `person_id` is who it would have been, where that is known.
    """

    exit_code = 3

    def __init__(self, reason: str, detail: str = "", person_id: str = "") -> None:
        super().__init__(f"sign-in at the provider was refused: {detail or reason}")
        self.reason = reason
        self.detail = detail
        self.person_id = person_id


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not as it must."""

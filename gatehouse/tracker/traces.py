"""What has to go with a conversation or a person outside of the conversations, and the receipt.

Sessions that are over, requests that waited for a code, download links, and the keys of the
pseudonyms in the audit log. That something happened stays in the log and stays provable; who it was
does not. Each ending is in the log before its key goes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from gatehouse.clock import as_iso
from gatehouse.identity import Sessions
from gatehouse.identity.exports import Exports
from gatehouse.stepup import StepUp
from gatehouse.tracker.end_requests import ERASURE
from gatehouse.tracker.endings import KEPT, Dying, Going
from gatehouse.tracker.receipts import Receipt, Receipts

NOT_COVERED: Final = (
    "the account itself and its second factors, which the employer keeps as long as you work here",
    "records of employment, which HR keeps elsewhere",
    (
        "the log of decisions: it keeps that something was asked and decided, without words, and the key "
        "that linked its entries to you is destroyed"
    ),
)
REMARK: Final = (
    "A conversation under a legal hold is closed to you and to the assistant, and readable for the "
    "named holders alone until they release it. Where a law forbids to tell of a hold, it is not "
    "counted here."
)


class Log(Protocol):
    """The part of the audit log that is needed here."""

    def append(self, kind: str, **facts: Any) -> int: ...


class RingNames(Protocol):
    """The names in the key ring of what links the audit log to people and conversations."""

    def __call__(self, *, people: Sequence[str], conversations: Sequence[str]) -> list[str]: ...


class PersonTraces:
    """The traces of one deployment. `disclosed` says of a held conversation (by handle) whether
    its person may know of the hold."""

    def __init__(
        self,
        log: Log,
        sessions: Sessions,
        step_up: StepUp,
        exports: Exports,
        receipts: Receipts,
        ring_names: RingNames,
        disclosed: Callable[[str], bool] = lambda handle: True,
    ) -> None:
        self._log = log
        self._sessions = sessions
        self._step_up = step_up
        self._exports = exports
        self._receipts = receipts
        self._ring_names = ring_names
        self._disclosed = disclosed

    def ending(self, reason: str, dying: Sequence[Dying], erased: Sequence[str] = ()) -> Going:
        """See `gatehouse.tracker.endings.Traces`."""
        for person in set(erased) - {one.person_id for one in dying}:
            self._log.append("erasure", person=person)
        for one in dying:
            self._log.append(
                "erasure" if reason == ERASURE else "conversation_ended",
                person=one.person_id,
                conversation=one.conversation_id,
                kept=True if reason == KEPT else None,
                held=True if one.held else None,
            )
        if reason == KEPT:
            return Going()
        requests: dict[str | None, int] = {}
        for one in dying:
            gone = self._step_up.forget_conversation(one.conversation_id)
            requests[one.person_id] = requests.get(one.person_id, 0) + gone
        counts = {
            person: {
                "sessions": self._sessions.forget_ended(person),
                "step_up_requests": requests.get(person, 0) + self._step_up.forget_person(person),
                "download_links": self._exports.forget(person),
            }
            for person in erased
        }
        names = self._ring_names(
            people=erased, conversations=[one.conversation_id for one in dying]
        )
        return Going(tuple(names), counts)

    def ended(
        self,
        counts: Mapping[str, int],
        dying: Sequence[Dying],
        erased_at: float,
        irreversible_at: float,
    ) -> Receipt:
        """See `gatehouse.tracker.endings.Traces`. The log entry names nobody."""
        erased = {
            "conversations": len(dying),
            "records": sum(one.turns for one in dying),
            **counts,
        }
        held = sum(one.held and self._disclosed(one.handle) for one in dying)
        facts = {
            "receipt": secrets.token_hex(16),
            "erased_at": as_iso(erased_at),
            "irreversible_at": as_iso(irreversible_at),
        }
        entry = self._log.append("erasure_receipt", **facts, **erased, under_legal_hold=held)
        return self._receipts.sign(
            {
                **facts,
                "erased": {**erased, "link_to_the_log_of_decisions": True},
                "under_legal_hold": held,
                "log_entry": entry,
                "not_covered": list(NOT_COVERED),
                "remark": REMARK,
            }
        )

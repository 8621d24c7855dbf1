"""Tells another system, such as a ticket desk, that a case was opened; optional.

Where `webhooks.toml` names the system `cases`, a short signed notice goes there after the case is in
the records. It says which case and which desk, never what the person wrote. A notice that fails is
recorded and changes nothing for the person: the case stands.
"""

from __future__ import annotations

import threading

from actions.records.interface import Case
from gatehouse import runtime
from gatehouse.errors import GatehouseError
from gatehouse.logs import get_logger, place_of

SYSTEM = "cases"
KIND = "case.opened"
WITHIN = 60.0  # seconds to keep trying

log = get_logger(__name__)


def tell(case: Case, person_id: str, key: str) -> threading.Thread | None:
    """Send the notice of `case` in the background, if somebody wants it.

    `key` names the request; the same request sends the same message id, so that it counts once.
    """
    services = runtime.opened()
    if services is None or not services.outgoing.knows(SYSTEM):
        return None
    sending = threading.Thread(
        target=_send, args=(services, case, person_id, key), name="case notice", daemon=True
    )
    sending.start()
    return sending


def _send(services: runtime.Runtime, case: Case, person_id: str, key: str) -> None:
    facts = {"webhook": SYSTEM, "message": KIND}
    notice = {"case": case.case_id, "desk": case.desk, "kind": case.kind}
    message_id = f"msg_{key[:32]}"
    try:
        services.audit.append("webhook_sent", person=person_id, **facts)
        try:
            services.outgoing.deliver(SYSTEM, KIND, notice, message_id=message_id, within=WITHIN)
        except GatehouseError as error:
            log.error("a case notice was not delivered", webhook=SYSTEM, error=place_of(error))
            services.audit.append("webhook_failed", person=person_id, **facts)
    except GatehouseError as error:
        log.error("a case notice could not be recorded", webhook=SYSTEM, error=place_of(error))

"""What a delivered code looks like in a mailbox and on a telephone.

The message says what it is and what never to do with it, and nothing of what the code is for: a mailbox
and a lock screen have other readers.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from gatehouse.errors import GatehouseError, InvalidInput
from gatehouse.stepup.mailing import checked_address, shortened_address
from gatehouse.stepup.refusals import NotSent

SYSTEM: Final = "sms"
KIND: Final = "sms.send"
WITHIN: Final = 8.0
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164

TEXT: Final = (
    "{code} is your code for the HR assistant. It is good for a few minutes and for one request of yours. "
    "Nobody will ever ask you for it; if you did not ask for it, somebody knows your password: change it."
)


class Mail(Protocol):
    """The part of `gatehouse.stepup.mailing.Mailer` that is needed here."""

    def send(self, address: str, subject: str, text: str, message_id: str) -> None: ...


class Webhooks(Protocol):
    """The part of `gatehouse.webhooks.Outgoing` that is needed here."""

    def deliver(
        self,
        name: str,
        kind: str,
        data: dict[str, str],
        *,
        message_id: str | None = None,
        within: float = 20.0,
    ) -> object: ...


class ByMail:
    """`gatehouse.stepup.delivered.Carrier` by e-mail; `domains` are those that it may go to."""

    kind: Final = "email"

    def __init__(self, mail: Mail, domains: tuple[str, ...] = ()) -> None:
        self._mail = mail
        self._domains = domains

    def check(self, address: str) -> str:
        return checked_address(address, self._domains)

    def shortened(self, address: str) -> str:
        return shortened_address(address)

    def send(self, address: str, code: str, message_id: str) -> None:
        spoken = f"{code[:3]} {code[3:]}"
        self._mail.send(address, "Your code", TEXT.format(code=spoken) + "\n", message_id)


class ByText:
    """`gatehouse.stepup.delivered.Carrier` by text message, through the outgoing webhook `sms`.

    Every attempt carries the same id and the same code, so a gateway that is asked twice sends once.
    """

    kind: Final = "sms"

    def __init__(self, outgoing: Webhooks) -> None:
        self._outgoing = outgoing

    def check(self, address: str) -> str:
        number = re.sub(r"[ ()/.-]", "", address)
        if not _NUMBER.fullmatch(number):
            raise InvalidInput("Write the number with its country, such as +49 30 123456.")
        return number

    def shortened(self, address: str) -> str:
        return f"…{address[-3:]}"

    def send(self, address: str, code: str, message_id: str) -> None:
        data = {"to": address, "text": TEXT.format(code=code)}
        try:
            self._outgoing.deliver(SYSTEM, KIND, data, message_id=message_id, within=WITHIN)
        except GatehouseError:
            raise NotSent("unreachable") from None

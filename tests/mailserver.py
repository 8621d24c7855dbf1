"""A real SMTP server on this machine that behaves as a test wants it to."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.patience import PATIENCE


@dataclass
class _Inbox:
    """Takes messages, or answers `refusal` at the stage `at` (RCPT or DATA)."""

    refusal: str = ""
    at: str = "DATA"
    taken: list[tuple[str, list[str], Message]] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusal and self.at == "RCPT":
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusal and self.at == "DATA":
            return self.refusal
        self.over_tls.append(session.ssl is not None)
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(
            (str(envelope.mail_from), list(envelope.rcpt_tos), message_from_bytes(content))
        )
        return "250 OK"


class MailDesk:
    """A running server; `context` None offers no STARTTLS."""

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        password: str = "",
        refusal: str = "",
        at: str = "DATA",
    ) -> None:
        self.inbox = _Inbox(refusal, at)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        more: dict[str, Any] = {}
        if password:
            more = {"authenticator": self._knows(password), "auth_required": True}
        self._controller = Controller(
            self.inbox, hostname="127.0.0.1", port=self.port, tls_context=context,
            require_starttls=context is not None, **more,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def texts(self) -> list[str]:
        return [str(message.get_payload()) for _, _, message in self.inbox.taken]

    def _knows(self, password: str) -> Any:
        def check(
            server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
        ) -> AuthResult:
            return AuthResult(success=data.password == password.encode(), handled=False)

        return check


class Dribbler:
    """A server that says one byte now and then, for ever; `greets` says a greeting first."""

    def __init__(self, greets: bool) -> None:
        self._greets = greets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        try:
            peer, _ = self._listener.accept()
            with peer:
                if self._greets:
                    peer.sendall(b"220 mail.example ESMTP\r\n")
                while not self._over.wait(0.05):
                    peer.sendall(b"2")
        except OSError:
            return

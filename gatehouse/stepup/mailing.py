"""Sends e-mail by SMTP, over verified TLS or not at all (RFC 3207, RFC 8314 section 5.2).

A server that does not offer STARTTLS, or has another certificate, hears neither a password nor a message:
an offer that somebody on the way took out looks just like one that was never made. The whole
conversation ends after a few seconds, however slowly the other side talks. Everything here blocks; call it in a
thread that may wait. Neither addresses nor texts are logged.
"""

from __future__ import annotations

import os
import re
import smtplib
import socket
import ssl
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from gatehouse.clock import Clock, as_datetime
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.logs import get_logger
from gatehouse.settings import Settings
from gatehouse.stepup.refusals import NotSent

log = get_logger(__name__)

SECONDS: Final = 10.0
"""For a whole conversation."""

LONGEST_ADDRESS: Final = 254
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@({_LABEL}(?:\.{_LABEL})+)")


def checked_address(text: object, domains: tuple[str, ...] = ()) -> str:
    """`text` as the address of one mailbox; raises `InvalidInput`.

    Stricter than RFC 5321: no quotes, comments, lists or spaces, so that nothing in it can become a
    second recipient, a header or a command.
    """
    match = _ADDRESS.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(match[0]) > LONGEST_ADDRESS or len(match[0].split("@")[0]) > 64:
        raise InvalidInput("This is not an e-mail address that a code can be sent to.")
    if domains and match[1].lower() not in {domain.lower() for domain in domains}:
        raise InvalidInput("Codes are not sent to addresses at this domain.")
    return match[0]


def shortened_address(address: str) -> str:
    """`address` so that its owner knows it and somebody else does not learn it."""
    local, _, domain = address.partition("@")
    return f"{local[0]}…@{domain}"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed over; `authority` is a PEM file, "" for those of the system."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    authority: str = ""


class Mailer:
    """Hands messages over to one server."""

    def __init__(self, server: MailServer, clock: Clock, *, seconds: float = SECONDS) -> None:
        self._server = server
        self._clock = clock
        self._seconds = seconds
        self._domain = checked_address(server.sender).partition("@")[2]

    def send(self, address: str, subject: str, text: str, message_id: str) -> None:
        """Hand over one message; returns when the server took it, raises `NotSent`.

        The same `message_id` makes the same Message-ID, so that a mailbox can tell a repetition.
        """
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = checked_address(address)
        message["Subject"] = subject
        message["Date"] = format_datetime(as_datetime(self._clock.now()))
        message["Message-ID"] = f"<{message_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            self._converse(message)
        except NotSent as error:
            log.warning("an e-mail was not sent", reason=error.reason)
            raise
        except ssl.SSLError:
            raise self._failed("certificate") from None
        except smtplib.SMTPAuthenticationError:
            raise self._failed("authentication") from None
        except smtplib.SMTPException:
            # Its text may quote the address.
            raise self._failed("refused") from None
        except (OSError, ValueError):
            raise self._failed("unreachable") from None

    def _failed(self, reason: str) -> NotSent:
        log.warning("an e-mail was not sent", reason=reason)
        return NotSent(reason)

    def _converse(self, message: EmailMessage) -> None:
        server = self._server
        context = ssl.create_default_context(cafile=server.authority or None)
        with _Bounded(server.host, server.port, self._seconds, self._domain) as client:
            client.ehlo_or_helo_if_needed()
            if not client.has_extn("starttls"):
                raise NotSent("no_starttls")
            client.starttls(context=context)
            if server.username:
                client.login(server.username, server.password)
            client.send_message(message, server.sender, [str(message["To"])])


class _Bounded(smtplib.SMTP):
    """A conversation that is cut after `seconds`, whatever it is waiting for."""

    def __init__(self, host: str, port: int, seconds: float, name: str) -> None:
        self._seconds = seconds
        self._watch: threading.Timer | None = None
        self._handle: socket.socket | None = None
        super().__init__(host, port, local_hostname=name, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        opened = socket.create_connection((host, port), timeout)
        # TLS takes the socket over; a second handle to the same connection can still end it.
        self._handle = socket.socket(fileno=os.dup(opened.fileno()))
        self._watch = threading.Timer(self._seconds, _cut, [self._handle])
        self._watch.daemon = True
        self._watch.start()
        return opened

    def close(self) -> None:
        super().close()
        if self._watch is not None:
            self._watch.cancel()
        if self._handle is not None:
            self._handle.close()


def _cut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def mailer_of(settings: Settings, clock: Clock) -> Mailer | None:
    """What sends the e-mail of a deployment, None without a server in its settings.

    Raises `InvalidInput`, or `NotReady` for a file.
    """
    mail = settings.mail
    if not mail.host:
        return None
    password_file = settings.path(mail.password_file) if mail.password_file else None
    authority = settings.path(mail.authority) if mail.authority else None
    try:
        checked_address(mail.sender)
    except InvalidInput as error:
        raise InvalidInput("mail.sender: must be one e-mail address") from error
    password = ""
    if password_file is not None:
        try:
            if stat.S_IMODE(password_file.stat().st_mode) & 0o077:
                raise NotReady(
                    "mail.password_file: others can read it", f"chmod 600 {password_file}"
                )
            password = password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotReady("mail.password_file: the file cannot be read") from error
    if authority is not None and not authority.is_file():
        raise NotReady("mail.authority: the file cannot be read")
    server = MailServer(
        mail.host, mail.port, mail.sender, mail.username, password, str(authority or "")
    )
    return Mailer(server, clock)

"""E-mail, in real conversations with a server on this machine."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from gatehouse.clock import SettableClock, SystemClock
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.authority import LocalAuthority
from gatehouse.settings import load_settings
from gatehouse.stepup.courier import Courier
from gatehouse.stepup.mailing import (
    Mailer,
    MailServer,
    checked_address,
    mailer_of,
    shortened_address,
)
from gatehouse.stepup.refusals import NotSent
from tests.mailserver import Dribbler, MailDesk
from tests.patience import PATIENCE

from .conftest import PERSON

TO = "erin.walsh@example.org"
SECRET = "424 242"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    found = LocalAuthority(tmp_path_factory.mktemp("authority"))
    found.ensure(SystemClock().now())
    return found


@pytest.fixture(scope="module")
def context(authority: LocalAuthority) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.server_file)
    return made


def mailer(authority: LocalAuthority, port: int, **more: Any) -> Mailer:
    host, seconds = more.pop("host", "localhost"), more.pop("seconds", 10.0)
    trusted = more.pop("trusts", str(authority.certificate_file))
    server = MailServer(host, port, "desk@example.org", authority=trusted, **more)
    return Mailer(server, SettableClock(), seconds=seconds)


def reason(mail: Mailer) -> str:
    with pytest.raises(NotSent) as refused:
        mail.send(TO, "Your code", f"{SECRET} is your code\n", "msg_1")
    for secret in (SECRET, TO):
        assert secret not in refused.value.message
    assert refused.value.__cause__ is None
    return refused.value.reason


def test_a_message_is_handed_over(authority: LocalAuthority, context: ssl.SSLContext) -> None:
    """Over TLS, from and to whom it should, with the headers of an automatic message."""
    with MailDesk(context, password="correct horse") as desk:
        mail = mailer(authority, desk.port, username="desk", password="correct horse")
        mail.send(TO, "Your code", f"{SECRET} is your code, Zoë\n", "msg_1")
    ((sender, receivers, message),) = desk.inbox.taken
    assert ("desk@example.org", [TO], [True]) == (sender, receivers, desk.inbox.over_tls)
    assert ("Your code", "<msg_1@example.org>", "auto-generated") == (
        message["Subject"], message["Message-ID"], message["Auto-Submitted"],
    )  # fmt: skip
    assert f"{SECRET} is your code, Zoë" in str(message.get_payload(decode=True), "utf-8")


def test_nothing_is_said_without_tls(authority: LocalAuthority) -> None:
    """A server that offers no STARTTLS gets neither password nor message."""
    with MailDesk(None) as desk:
        assert "no_starttls" == reason(mailer(authority, desk.port, username="u", password="p"))
    assert [] == desk.inbox.taken


def test_another_certificate_gets_nothing(
    authority: LocalAuthority, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one of an unknown authority nor one for another name."""
    resolve = socket.getaddrinfo

    def local(host: Any, *arguments: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if host == "mail.example.org" else host, *arguments, **more)

    with MailDesk(context) as desk:
        monkeypatch.setattr(socket, "getaddrinfo", local)
        assert "certificate" == reason(mailer(authority, desk.port, trusts=""))
        assert "certificate" == reason(mailer(authority, desk.port, host="mail.example.org"))
    assert [] == desk.inbox.taken


@pytest.mark.parametrize("at", ["RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 try again later", "550 no such mailbox"])
def test_a_refusal_is_a_refusal(
    authority: LocalAuthority, context: ssl.SSLContext, at: str, answer: str
) -> None:
    """For now or for good, at whatever point: the person chooses another way."""
    with MailDesk(context, refusal=answer, at=at) as desk:
        assert "refused" == reason(mailer(authority, desk.port))


def test_a_wrong_password_is_told_from_other_trouble(
    authority: LocalAuthority, context: ssl.SSLContext
) -> None:
    """So that the log says what to mend."""
    with MailDesk(context, password="correct horse") as desk:
        wrong = mailer(authority, desk.port, username="desk", password="wrong horse")
        assert "authentication" == reason(wrong)


def test_nobody_answers(authority: LocalAuthority) -> None:
    """At once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "unreachable" == reason(mailer(authority, bound.getsockname()[1]))


@pytest.mark.parametrize("greets", [False, True])
def test_a_server_that_dribbles_is_cut_off(authority: LocalAuthority, greets: bool) -> None:
    """A byte now and then keeps no thread: the whole conversation has an end."""
    with Dribbler(greets) as server:
        found: list[str] = []
        mail = mailer(authority, server.port, seconds=0.5)
        sending = threading.Thread(target=lambda: found.append(reason(mail)))
        sending.start()
        sending.join(PATIENCE)
    assert 1 == len(found)


def test_neither_code_nor_address_is_logged(
    authority: LocalAuthority, context: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, whether it was sent or not."""
    caplog.set_level(logging.DEBUG)
    with MailDesk(context) as desk:
        mailer(authority, desk.port).send(TO, "Your code", f"{SECRET}\n", "msg_1")
    with MailDesk(context, refusal=f"550 no mailbox {TO}", at="RCPT") as desk:
        reason(mailer(authority, desk.port))
    ours = [record for record in caplog.records if record.name.startswith("gatehouse")]
    assert ours
    assert not [one for one in ours if TO in str(one.__dict__) or SECRET in str(one.__dict__)]


@pytest.mark.parametrize(
    "address",
    [
        "erin@example.org\r\nBcc: all@example.org",
        "erin@example.org\nDATA",
        "erin@example.org,eve@evil.example",
        "erin@example.org eve@evil.example",
        "<erin@example.org>",
        "Erin <erin@example.org>",
        '"erin walsh"@example.org',
        "erin@example.org>\r\nRCPT TO:<eve@evil.example",
        "erin(comment)@example.org",
        "erin@localhost",
        "erin@[127.0.0.1]",
        "erin@exa\u0000mple.org",
        "erin@example.org\u2028",
        "érin@example.org",
        "erin..walsh@example.org",
        "@example.org",
        "erin@",
        "erin@-example.org",
        "e" * 65 + "@example.org",
        "erin@" + "a." * 130 + "org",
        "",
        None,
        7,
    ],
)
def test_what_is_more_than_one_mailbox_is_refused(address: object) -> None:
    """Neither headers, commands nor second recipients get in with an address."""
    with pytest.raises(InvalidInput):
        checked_address(address)


def test_an_injection_does_not_reach_the_server(
    authority: LocalAuthority, context: ssl.SSLContext
) -> None:
    """Whoever calls, the address is looked at before a word is said."""
    with MailDesk(context) as desk:
        for address in ("a@example.org\r\nRCPT TO:<b@example.org>", "a@example.org,b@example.org"):
            with pytest.raises(InvalidInput):
                mailer(authority, desk.port).send(address, "Your code", "x\n", "msg_1")
    assert [] == desk.inbox.taken


def test_addresses_are_shown_shortened() -> None:
    """Known to their owner, learnt by nobody else; other domains are refused where some are named."""
    assert "e…@example.org" == shortened_address(TO)
    assert TO == checked_address(TO, ("EXAMPLE.org",))
    with pytest.raises(InvalidInput, match="domain"):
        checked_address(TO, ("example.com",))


def test_settings_make_the_mailer(tmp_path: Path) -> None:
    """None without a server; a password that others can read stops the start."""
    assert mailer_of(load_settings(tmp_path, {}), SettableClock()) is None
    given = {"GATEHOUSE_MAIL_HOST": "mail.example.org", "GATEHOUSE_MAIL_SENDER": "desk@example.org"}
    assert mailer_of(load_settings(tmp_path, given), SettableClock()) is not None
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    secret.chmod(0o644)
    for more, error in (
        ({"GATEHOUSE_MAIL_SENDER": "nobody"}, InvalidInput),
        ({"GATEHOUSE_MAIL_PASSWORD_FILE": "password"}, NotReady),
        ({"GATEHOUSE_MAIL_PASSWORD_FILE": "missing"}, NotReady),
        ({"GATEHOUSE_MAIL_AUTHORITY": "missing"}, NotReady),
    ):
        with pytest.raises(error):
            mailer_of(load_settings(tmp_path, {**given, **more}), SettableClock())


class _Rows:
    """Two mailboxes of `PERSON`."""

    def rows(self, person_id: str, kind: str) -> list[Any]:
        return [TO, "erin@home.example"] if (person_id, kind) == (PERSON, "email") else []

    def secret(self, row: str) -> bytes:
        return row.encode()


def test_notices_go_to_every_mailbox_and_hold_nothing_up() -> None:
    """What fails is dropped and said in the log; the change that it tells of stands."""
    held, sent = threading.Event(), []

    class Slow:
        def send(self, address: str, subject: str, text: str, message_id: str) -> None:
            held.wait(PATIENCE)
            sent.append((address, text.splitlines()[0]))
            if len(sent) == 1:
                raise NotSent("unreachable")

    courier = Courier(_Rows(), Slow())  # type: ignore[arg-type]
    for number in range(150):
        courier(PERSON, f"Number {number}.")
    assert [] == sent  # the first of them is still under way
    held.set()
    courier.close()
    assert (TO, "Number 0.") == sent[0]
    assert {("erin@home.example", "Number 1."), (TO, "Number 1.")} <= set(sent)
    assert len(sent) < 220

"""Targets that are down, something else, slow, or hostile: a clear error, and bounded whatever comes."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.cli.selftest import selftest
from gatehouse.clock import SystemClock
from gatehouse.errors import GatehouseError, InvalidInput, NotReady
from gatehouse.ops.selftest.account import LentAccount
from gatehouse.ops.selftest.attack import Attack, NotRun, cannot
from gatehouse.ops.selftest.catalogue import catalogue, chosen
from gatehouse.ops.selftest.engine import run
from gatehouse.ops.selftest.report import document, junit, page, sarif, terminal
from gatehouse.ops.selftest.site import AGENT, Bounds, Site
from gatehouse.ops.selftest.target import Target, read_target, recognise, trust_in
from gatehouse.ops.selftest.trial import Trial
from gatehouse.ops.selftest.wire import LARGEST, Slow, Unreachable
from gatehouse.ops.tls import local_authority, server_context
from gatehouse.settings import load_settings

Answering = Callable[[ssl.SSLSocket], None]
OURS = b'HTTP/1.1 401 No\r\nContent-Length: 28\r\n\r\n{"error":{"code":"nobody"}}\r\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("authority")
    local_authority(load_settings(home, {})).ensure(SystemClock().now())
    return home


def answering(content: bytes) -> Answering:
    def answer(link: ssl.SSLSocket) -> None:
        link.recv(65536)
        link.sendall(content)

    return answer


@contextmanager
def served(home: Path, answer: Answering) -> Iterator[Target]:
    """A target on this machine that says `answer` to whoever connects."""
    context = server_context(load_settings(home, {}), SystemClock())
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as link:
                    answer(link)
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield read_target(f"https://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def site_of(home: Path, target: Target, **more: int) -> Site:
    trust = trust_in(home / "var" / "tls" / "authority.pem")
    return Site(target, trust, bounds=Bounds(**more), sleep=lambda seconds: None)


def refused(home: Path, content: bytes) -> NotReady:
    with served(home, answering(content)) as target, pytest.raises(NotReady) as caught:
        recognise(target, site_of(home, target).wire(), AGENT)
    return caught.value


def test_something_else_is_left_alone(home: Path) -> None:
    """What is no Gatehouse is said to be none."""
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    assert "no Gatehouse" in refused(home, page).message


def test_no_redirect_is_followed(home: Path) -> None:
    """A target that leads elsewhere is said to do so."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n"
    assert "leads elsewhere" in refused(home, moved).message


def test_what_is_no_http_is_said(home: Path) -> None:
    """An answer in another protocol is an error and no traceback."""
    assert "not HTTP" in refused(home, b"220 mail.example.org ESMTP\r\n").message


def test_nothing_there_is_said() -> None:
    """A target that is down."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    target = read_target(f"https://127.0.0.1:{port}")
    with pytest.raises(NotReady, match="refused"):
        recognise(target, target.wire(trust_in(None)), AGENT)


def test_an_untrusted_certificate_is_said(home: Path) -> None:
    """Without the authority nothing is sent, and the hint names the option."""
    with (
        served(home, answering(OURS)) as target,
        pytest.raises(NotReady, match="not trusted") as caught,
    ):
        recognise(target, target.wire(trust_in(None)), AGENT)
    assert any("--ca-file" in hint for hint in caught.value.hints)


def test_an_endless_answer_is_cut(home: Path) -> None:
    """More than a megabyte of an answer is not read."""

    def endless(link: ssl.SSLSocket) -> None:
        link.recv(65536)
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            link.sendall(b"a" * 65536)

    with served(home, endless) as target:
        answer = site_of(home, target).send("GET", "/")
    assert (LARGEST, True) == (len(answer.body), answer.cut)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_is_given_up(home: Path, start: bytes) -> None:
    """Bytes that come one by one do not stretch the time for an answer."""

    def dripping(link: ssl.SSLSocket) -> None:
        link.recv(65536)
        link.sendall(start)
        while True:
            link.sendall(b"a")
            time.sleep(0.02)

    with served(home, dripping) as target, pytest.raises(Slow):
        site_of(home, target).send("GET", "/", timeout=0.5)


def test_endless_headers_are_given_up(home: Path) -> None:
    """Neither many headers nor a long one fill the memory."""
    many = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000
    for content in (many, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000_000):
        with served(home, answering(content)) as target, pytest.raises(Unreachable):
            site_of(home, target).send("GET", "/")


def test_a_throttle_is_waited_for_and_in_the_end_is_no_refusal(home: Path) -> None:
    """A 429 is never taken for the refusal that an attack hopes for."""
    throttled = b"HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    with served(home, answering(throttled)) as target:
        site = site_of(home, target)
        with pytest.raises(NotRun, match="throttled"):
            site.send("GET", "/")
    assert 3 == site.requests


def test_a_run_is_bounded(home: Path) -> None:
    """No more requests than allowed are sent; what is left is not run."""
    with served(home, answering(OURS)) as target:
        site = site_of(home, target, requests=10)
        report = run(site, chosen(("session-tokens",), ()))
    (result,) = report.results
    assert ("not_run", 11) == (result.outcome, site.requests)
    assert "limits" in result.details[0]


def test_a_target_that_goes_away_ends_the_run() -> None:
    """After three attacks that reach nobody the rest is not tried, and nothing counts as withstood."""
    target = replace(read_target("https://127.0.0.1:9"), addresses=("127.0.0.1",))
    report = run(Site(target, trust_in(None)), chosen((), ("slow-requests",)))
    assert 0 == len(report.having("passed")) == len(report.having("failed"))
    assert "any more" in report.results[-1].details[0] or "needs" in report.results[-1].details[0]


def made(site: Site, attempt: Callable[[Trial], None]) -> str:
    """The outcome of an attack that does `attempt`."""
    attack = replace(catalogue()[0], attempt=attempt, needs="nothing", destructive=False)
    assert isinstance(attack, Attack)
    return run(site, [attack]).results[0].outcome


def test_an_attack_that_looked_at_nothing_did_not_pass(home: Path) -> None:
    """Passing takes a check; a failure of the self-test itself is no pass either."""
    with served(home, answering(OURS)) as target:
        site = site_of(home, target)
        assert "not_run" == made(site, lambda trial: None)
        assert "not_run" == made(site, lambda trial: cannot("could not be made"))
        assert "not_run" == made(site, lambda trial: print(1 // 0))
        assert "passed" == made(site, lambda trial: print(trial.hold(True, "")))
        assert "failed" == made(site, lambda trial: print(trial.hold(False, "wrong")))
    assert "not_run" == made(site, lambda trial: print(trial.hold(True, ""))), "nobody is there"


def test_an_interrupted_run_keeps_what_it_found(home: Path) -> None:
    """Ctrl-C in an attack: what was found is reported, what is left is not run, and CI cannot take it for
    a whole run."""

    def interrupted(trial: Trial) -> None:
        trial.hold(False, "this was found before")
        raise KeyboardInterrupt

    first, second = catalogue()[0], catalogue()[1]
    attacks = [replace(first, attempt=interrupted, needs="nothing", destructive=False), second]
    with served(home, answering(OURS)) as target:
        report = run(site_of(home, target), attacks)
    assert ["failed", "not_run"] == [result.outcome for result in report.results]
    assert ("the run was interrupted",) == report.results[1].details
    assert document.document(report)["interrupted"]
    assert terminal.table(report).count("INTERRUPTED") == 1
    assert "Interrupted: 1 of 2 attacks were made, 1 found" in page.as_page(report)
    assert 'errors="1"' in junit.as_junit(report)
    (made,) = json.loads(sarif.as_sarif(report))["runs"]
    assert [False] == [one["executionSuccessful"] for one in made["invocations"]]


@pytest.mark.parametrize(
    "url",
    ["http://localhost", "localhost:5005", "https://", "https://a:b@localhost", "https://x/y?z=1",
     "https://localhost:99999", "ftp://localhost", "https://localhost/#x"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    """Only the https address of a site is taken."""
    with pytest.raises(InvalidInput):
        read_target(url)


def test_only_ones_own_site_is_attacked() -> None:
    """Another machine needs the owner's word, and is not even connected to without it."""
    answered = CliRunner().invoke(selftest, ["https://192.0.2.1:5005"])
    assert 2 == answered.exit_code
    assert "--i-own-this" in answered.output


def test_unknown_attacks_and_files_are_said_before_anything_is_sent(tmp_path: Path) -> None:
    """A misspelt id, and a report that could not be written."""
    for arguments, said in (
        (["https://127.0.0.1:9", "--only", "no-such"], "no attack called"),
        (["https://127.0.0.1:9", "--html", str(tmp_path / "no" / "x")], "cannot be written"),
    ):
        answered = CliRunner().invoke(selftest, arguments)
        assert isinstance(answered.exception, GatehouseError)
        assert said in answered.exception.message


def test_the_secret_as_it_was_shown() -> None:
    """What `gatehouse people factor` printed is taken as well as the bare secret; nothing else is."""
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    address = f"otpauth://totp/Gatehouse:selftest?secret={secret}&issuer=Gatehouse"
    assert secret == LentAccount("selftest", "", address).secret
    assert secret == LentAccount("selftest", "", secret).secret
    for wrong in ("not base32!", "otpauth://totp/x", "otpauth://hotp/x?secret=1"):
        with pytest.raises(InvalidInput):
            LentAccount("selftest", "", wrong)

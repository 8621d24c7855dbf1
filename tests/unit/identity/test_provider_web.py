"""A provider, or whoever stands in its place, can neither lead us elsewhere nor hold us up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from gatehouse.clock import SystemClock
from gatehouse.identity.provider import web
from gatehouse.identity.provider.errors import ProviderUnavailable
from gatehouse.ops.tls import local_authority, server_context
from gatehouse.settings import load_settings


class Answers(BaseHTTPRequestHandler):
    """Answers by the path; counts what was asked for."""

    protocol_version = "HTTP/1.0"
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body, status, headers = b'{"a": 1}', 200, {}
        match self.path:
            case "/redirect":
                status, headers = 302, {"Location": "/good"}
            case "/large":
                body = b'"' + b"x" * (web.LARGEST + 1) + b'"'
            case "/zipped":
                headers = {"Content-Encoding": "gzip"}
            case "/broken":
                body = b"{"
            case "/list":
                body = b"[]"
            case "/deep":
                body = b"[" * 100_000
            case "/error":
                status = 500
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == "/slow":
            self._drip()
        else:
            self.wfile.write(body)

    def _drip(self) -> None:
        try:
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.01)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server and the file of its authority."""
    settings = load_settings(tmp_path_factory.mktemp("web"), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.socket = server_context(settings, SystemClock()).wrap_socket(
        server.socket, server_side=True
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = local_authority(settings).certificate_file
    yield f"https://localhost:{server.server_address[1]}", str(authority)
    server.shutdown()
    server.server_close()


def fetch(place: tuple[str, str], path: str) -> object:
    with requests.Session() as session:
        web.guard(session, place[1])
        return web.fetch(session, place[0] + path)


def test_a_good_answer_is_read(place: tuple[str, str]) -> None:
    """JSON over HTTPS from a server whose authority is known."""
    assert {"a": 1} == fetch(place, "/good")


@pytest.mark.parametrize(
    "path", ["/redirect", "/large", "/zipped", "/broken", "/list", "/deep", "/error"]
)
def test_any_other_answer_is_none(place: tuple[str, str], path: str) -> None:
    """One error in words that quote nothing; a redirect is not followed."""
    Answers.asked.clear()
    with pytest.raises(ProviderUnavailable):
        fetch(place, path)
    assert [path] == Answers.asked


def test_an_answer_that_never_ends_is_left(
    place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little comes at a time, the whole takes a bounded time."""
    monkeypatch.setattr(web, "_WHOLE", 0.1)
    with pytest.raises(ProviderUnavailable):
        fetch(place, "/slow")


def test_plain_http_is_not_spoken(place: tuple[str, str]) -> None:
    """Not even to this machine."""
    with pytest.raises(ProviderUnavailable):
        fetch((place[0].replace("https", "http"), place[1]), "/good")


def test_a_certificate_of_somebody_else_is_refused(
    place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual authorities do not know it, and neither environment nor proxy changes that."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", place[1])
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        fetch((place[0], ""), "/good")
    assert {"a": 1} == fetch(place, "/good")

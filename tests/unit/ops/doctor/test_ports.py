"""Doors beside ours are found, whoever opened them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gatehouse.ops.doctor.checks import ports
from gatehouse.ops.doctor.listening import Listener, listeners
from tests.unit.ops.doctor.conftest import Patient


@contextmanager
def serving(answers: dict[str, str]) -> Iterator[int]:
    """A server on loopback that answers these paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def free(patient: Patient, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Look at `port` only: the usual ones may be somebody's on the machine of the tests."""
    patient.write(f"[server]\nport = {port}\n")
    monkeypatch.setattr(ports, "_RASA", port)
    monkeypatch.setattr(ports, "_ACTIONS", port)
    (patient.home / "endpoints.yml").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"/": "Hello from Rasa: 3.6.21"}, "ports.rasa"),
        ({"/": "x", "/version": '{"version": "3.6.21"}'}, "ports.rasa"),
        ({"/health": "ok", "/actions": '[{"name": "action_x"}]'}, "ports.actions"),
    ],
)
def test_another_server_is_found(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], expected: str
) -> None:
    """Rasa's own server and an action server that answers anybody."""
    with serving(answers) as port:
        free(patient, monkeypatch, port)
        assert expected in patient.ids("ports")
    assert [] == patient.ids("ports")


def test_a_signed_action_server_may_be_there(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers nobody without a signature is no open door, unless other machines reach it."""
    with serving({"/health": "ok"}) as port:
        free(patient, monkeypatch, port)
        patient.write("")
        monkeypatch.setattr(ports, "_RASA", 1)
        assert [] == [one for one in patient.ids("ports") if "action" in one]
        monkeypatch.setattr(Listener, "loopback", False)
        assert "ports.actions_reachable" in patient.ids("ports")


def test_the_port_of_endpoints_is_looked_at(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The action server may have any port."""
    with serving({"/actions": "[]"}) as port:
        free(patient, monkeypatch, 1)
        (patient.home / "endpoints.yml").write_text(
            f"action_endpoint:\n  url: http://127.0.0.1:{port}/webhook\n"
        )
        assert ["ports.actions"] == patient.ids("ports")


def test_a_server_that_is_not_ours(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something on our port that does not speak HTTPS is said."""
    with serving({}) as port:
        free(patient, monkeypatch, port)
        assert ["ports.silent"] == patient.ids("ports")


def test_a_system_that_lists_no_ports(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unknown what listens; the usual ports are asked all the same."""
    monkeypatch.setattr(ports, "listeners", lambda: listeners(Path("/nowhere")))
    with serving({"/": "Hello from Rasa"}) as port:
        free(patient, monkeypatch, port)
        assert {"ports.unlisted", "ports.rasa"} <= set(patient.ids("ports"))


def test_addresses_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    """Bytes of each word are reversed; only listening sockets count."""
    head = "  sl  local_address rem_address   st\n"
    (tmp_path / "tcp").write_text(
        head
        + "   0: 0100007F:138D 00000000:0000 0A\n"
        + "   1: 00000000:13BF 00000000:0000 0A\n"
        + "   2: 0100007F:0016 0100007F:1234 01\n"
    )
    (tmp_path / "tcp6").write_text(
        head
        + "   0: 00000000000000000000000001000000:138D 0:0 0A\n"
        + "   1: 0000000000000000FFFF00000100007F:0050 0:0 0A\n"
    )
    found = listeners(tmp_path)
    assert [("127.0.0.1", 5005), ("0.0.0.0", 5055), ("::1", 5005), ("::ffff:7f00:1", 80)] == [
        (one.address, one.port) for one in found
    ]
    assert [True, False, True, True] == [one.loopback for one in found]

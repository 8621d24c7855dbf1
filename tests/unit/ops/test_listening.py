"""Whether the server could listen is found out, and said, before anything starts."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from gatehouse.errors import InvalidInput, NotReady
from gatehouse.ops.serve import require_free_address
from gatehouse.settings import Server, load_settings


def listening_on(host: str, port: int, tmp_path: Path) -> Server:
    server = load_settings(tmp_path, {}).server
    return dataclasses.replace(server, host=host, port=port)


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    """The message names port and host, the hint the variable that helps."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NotReady) as refused:
            require_free_address(listening_on("127.0.0.1", port, tmp_path))
    assert f"port {port} on 127.0.0.1 is already in use" == refused.value.message
    assert ("stop the other server or set GATEHOUSE_SERVER_PORT",) == refused.value.hints


def test_a_free_port_is_given_back(tmp_path: Path) -> None:
    """Asking twice works, and the server itself can listen afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    server = listening_on("127.0.0.1", port, tmp_path)
    require_free_address(server)
    require_free_address(server)
    with socket.create_server(("127.0.0.1", port)) as mine:
        assert port == mine.getsockname()[1]


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "a" * 300, "x..y"])
def test_a_host_that_cannot_be_names_its_setting(tmp_path: Path, host: str) -> None:
    """A name that means nothing and an address of another machine are refused alike."""
    with pytest.raises(InvalidInput, match=r"^server\.host: "):
        require_free_address(listening_on(host, 5005, tmp_path))

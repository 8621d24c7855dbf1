"""Which TCP ports of this machine listen, and on which addresses, as the kernel lists them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
_TABLES = ("tcp", "tcp6")


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket."""

    address: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        found = ipaddress.ip_address(self.address)
        mapped = getattr(found, "ipv4_mapped", None)
        return bool((mapped or found).is_loopback)


def listeners(tables: Path = Path("/proc/net")) -> list[Listener]:
    """All of them. Raises `OSError` where the kernel does not list them."""
    lists = [tables / name for name in _TABLES if (tables / name).exists()]
    if not lists:
        raise FileNotFoundError(tables)
    return list(dict.fromkeys(one for table in lists for one in _read(table)))


def _read(table: Path) -> Iterator[Listener]:
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if len(words) > 3 and words[3] == _LISTEN:
            address, _, port = words[1].partition(":")
            yield Listener(_address(address), int(port, 16))


def _address(word: str) -> str:
    """Words of 32 bits in the byte order of the machine (proc(5))."""
    data = b"".join(bytes.fromhex(word[i : i + 8])[::-1] for i in range(0, len(word), 8))
    return str(ipaddress.ip_address(data))

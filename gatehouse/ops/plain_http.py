"""What somebody gets who speaks plain HTTP to the port of HTTPS.

Without it the connection ends without a word, and a browser shows a person who typed `http://` an error
page of its own. Only the page for people leads on; a program gets a refusal, because one that is led on
goes on sending its secrets in the open (ASVS 5.0 V4.1.2). Nothing of the request is repeated, and none
of it reaches the application.
"""

from __future__ import annotations

import ssl

_CAPITALS = range(ord("A"), ord("Z") + 1)  # a method; a TLS handshake begins with 22 (RFC 8446 5.1)
_PAGES = (b"/", b"/chat")


class Context(ssl.SSLContext):
    """An `ssl.SSLContext` for servers that tells plain HTTP where the page is; set `page` first."""

    page = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, _Listening):
            made.wires = (incoming, outgoing)
            made.page = self.page
        return made


class _Listening(ssl.SSLObject):
    wires: tuple[ssl.MemoryBIO, ssl.MemoryBIO] | None = None
    page = ""

    def do_handshake(self) -> None:
        if self.wires is not None and self.wires[0].pending:
            incoming, outgoing = self.wires
            self.wires = None
            begun = incoming.read()
            if begun[0] in _CAPITALS:
                outgoing.write(answer(begun, self.page))
                # Has the answer sent; what comes next, or the time limit, ends the connection.
                raise ssl.SSLWantReadError
            incoming.write(begun)
        super().do_handshake()


Context.sslobject_class = _Listening


def answer(begun: bytes, page: str) -> bytes:
    """The response to a plain HTTP request that begins with `begun`; the page for people is `page`."""
    method, _, rest = begun.partition(b" ")
    if method in (b"GET", b"HEAD") and rest.partition(b" ")[0] in _PAGES:
        status, more = "301 Moved Permanently", f"Location: {page}\r\n"
    else:
        status, more = "400 Bad Request", ""
    body = "" if method == b"HEAD" else f"Use https:// to reach this address: {page}\n"
    head = (
        f"HTTP/1.1 {status}\r\n{more}Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body.encode())}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode()

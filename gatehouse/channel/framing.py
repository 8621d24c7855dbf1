"""Whether the head of a request can be read in one way only (RFC 9110 section 5, RFC 9112).

Sanic takes names with a space before the colon, lengths in digits of any script and several hosts. A
proxy in front may read these otherwise, and what one reads as a body the other reads as a next request
(request smuggling; ASVS 5.0 V4.2.1). Such a request is refused and its connection closed, so that
nothing that came behind it is ever read.
"""

from __future__ import annotations

import re

from sanic.request import Request

from gatehouse.channel.failures import ApiError

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding"})


def is_plain(head: bytes) -> bool:
    """Whether `head`, a request line and headers, has one meaning; one that was never read has."""
    seen: set[bytes] = set()
    for line in head.split(b"\r\n")[1:]:
        given, colon, value = line.partition(b":")
        name = given.lower()
        if (
            not colon
            or not _NAME.fullmatch(given)
            or _CONTROL.search(value)
            or name in seen & _ONCE
        ):
            return False
        seen.add(name)
        if name == b"content-length" and not _LENGTH.fullmatch(value.strip(b" \t")):
            return False
        if name == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked":
            return False
    return not {b"content-length", b"transfer-encoding"} <= seen


def check(request: Request) -> None:
    """Raises `ApiError` 400 and ends the connection for a head that can be read in two ways."""
    if is_plain(request.head):
        return
    if request.stream is not None:
        request.stream.keep_alive = False
    raise ApiError(400, "bad_request", "The request is not valid.")

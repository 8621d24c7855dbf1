"""Request bodies: one JSON object, small, flat and unambiguous, or refused.

Two parsers that disagree about a duplicate key, a deep nest or a broken surrogate are how checks
are bypassed, so every doubtful body is refused before a field is read (ASVS 5.0 V1.5, V4.1).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from sanic.request import Request

from gatehouse.channel.failures import ApiError

MOST_DEPTH = 4
MESSAGE_ID = r"[A-Za-z0-9_-]{8,64}"  # which the browser chose
READ_TIMEOUT = 10.0  # seconds for a whole body

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_FORM = re.compile(
    r'application/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE
)
_CONTENT_TYPE = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)


async def read_object(request: Request, limit: int) -> dict[str, Any]:
    """The JSON object in the body of at most `limit` bytes; raises `ApiError` 400, 408, 413 or 415."""
    return parse_object(await read_raw(request, limit))


async def read_raw(request: Request, limit: int) -> bytes:
    """The body as it came, if it says it is JSON; raises `ApiError` 408, 413 or 415."""
    if not _CONTENT_TYPE.fullmatch(request.headers.get("content-type", "")):
        raise ApiError(415, "content_type", "Send JSON with Content-Type application/json.")
    return await _bounded(request, limit)


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """The few fields of a form, each once; raises `ApiError` 400, 408, 413 or 415."""
    if not _FORM.fullmatch(request.headers.get("content-type", "")):
        raise ApiError(415, "content_type", "Send a form (application/x-www-form-urlencoded).")
    raw = await _bounded(request, limit)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8
        )
        return _no_duplicates(pairs)
    except ValueError as error:
        raise ApiError(400, "malformed", "The body must be a form.") from error


async def _bounded(request: Request, limit: int) -> bytes:
    if request.headers.get("content-encoding"):
        raise ApiError(415, "content_encoding", "Send the body without compression.")
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            body = await _receive(request, limit)
    except TimeoutError as error:
        if request.stream is not None:
            request.stream.keep_alive = False
            request.stream.request_body = None  # or Sanic would go on waiting for the rest
        raise ApiError(408, "slow_body", "The request took too long to arrive.") from error
    arrived = getattr(request.ctx, "arrived", None)
    if arrived is not None:
        arrived()
    return body


async def _receive(request: Request, limit: int) -> bytes:
    raw = bytearray()
    stream = request.stream
    if stream is None or not stream.request_body:
        return b""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(stream)
    while (part := await stream.read()) is not None:
        raw += part
        if len(raw) > limit:
            raise _too_large(stream)
    return bytes(raw)


def _too_large(stream: Any) -> ApiError:
    # The rest is not read, so the connection cannot be used again and must say so.
    stream.keep_alive = False
    return ApiError(413, "too_large", "The request is too large.")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; raises `ApiError` 400 for anything that is not exactly that."""
    if _depth(raw) > MOST_DEPTH:
        raise _malformed()
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(value, dict):
        raise _malformed()
    return value


def text_field(body: dict[str, Any], name: str, most: int, pattern: str | None = None) -> str:
    """The text `name` of 1 to `most` characters; raises `ApiError` 400."""
    value = body.get(name)
    if not isinstance(value, str) or not value or not _is_unicode(value):
        raise ApiError(400, "invalid", f"{name} must be text.")
    if len(value) > most:
        raise ApiError(400, "too_long", f"{name} must have at most {most} characters.")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise ApiError(400, "invalid", f"{name} is not valid.")
    return value


def only(body: dict[str, Any], names: Iterable[str]) -> None:
    """Raises `ApiError` 400 when `body` has other fields than `names`."""
    if set(body) - set(names):
        raise ApiError(400, "invalid", "The request has a field that is not known here.")


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for sign in _STRING.sub(b"", raw):
        if sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in b"]}":
            depth -= 1
    return deepest


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _no_constant(_name: str) -> Any:
    raise ValueError("not JSON")


def _is_unicode(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _malformed() -> ApiError:
    return ApiError(400, "malformed", "The body must be one JSON object.")

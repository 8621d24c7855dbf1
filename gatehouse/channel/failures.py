"""Errors as a browser sees them: one shape, a sentence, no internals.

Unexpected exceptions are logged by type and place only, because their messages may quote what a
person wrote. No path through here may show a traceback, a path of the machine or a version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse, json
from sqlalchemy.exc import SQLAlchemyError

from gatehouse import metrics
from gatehouse.channel.limits import TooMany
from gatehouse.errors import Unavailable
from gatehouse.logs import get_logger, place_of

log = get_logger(__name__)

_PLAIN = {
    400: ("bad_request", "The request is not valid."),
    401: ("signed_out", "Please sign in."),
    403: ("refused", "This request is refused."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method", "This address does not take that kind of request."),
    408: ("slow_request", "The request took too long to arrive."),
    413: ("too_large", "The request is too large."),
    417: ("expectation", "The request is not valid."),
    429: ("too_many", "Too many requests. Please wait a moment."),
    503: ("unavailable", "Gatehouse cannot answer right now. Nothing was done; please try again."),
}
# A database that does not answer, wherever a request needed it: nothing was done, nothing is lost.
_DATABASE_AWAY = (Unavailable, SQLAlchemyError)
_INTERNAL = ("internal", "Something went wrong on our side. Please try again.")


class ApiError(SanicException):
    """A request that is refused: HTTP `status`, a stable `code` for programs, a sentence for people."""

    quiet = True

    def __init__(
        self, status: int, code: str, sentence: str, *, retry_after: int | None = None, **facts: Any
    ) -> None:
        super().__init__(sentence, status_code=status)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.retry_after = retry_after
        self.facts = facts


def refusal(error: BaseException) -> HTTPResponse:
    """The response for `error`."""
    if isinstance(error, TooMany):
        code, sentence = _PLAIN[429]
        return _response(429, code, sentence, {}, error.retry_after)
    if isinstance(error, ApiError):
        return _response(error.status, error.code, error.sentence, error.facts, error.retry_after)
    if isinstance(error, _DATABASE_AWAY):
        return _response(503, *_PLAIN[503], {}, None)
    status = error.status_code if isinstance(error, SanicException) else 500
    code, sentence = _PLAIN.get(status, _INTERNAL)
    return _response(status if status in _PLAIN else 500, code, sentence, {}, None)


def _response(
    status: int, code: str, sentence: str, facts: dict[str, Any], retry_after: int | None
) -> HTTPResponse:
    body = {"error": {"code": code, "message": sentence, **facts}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json(body, status=status, headers=headers)


class QuietErrorHandler(ErrorHandler):
    """Answers every exception of the application in the same shape, whatever was registered before."""

    def __init__(
        self,
        finish: Callable[[BaseHTTPResponse], None],
        for_people: Callable[[Request, HTTPResponse], HTTPResponse],
    ) -> None:
        super().__init__()
        self._finish = finish
        self._for_people = for_people

    def response(self, request: Request, exception: Exception) -> HTTPResponse:
        # Whoever hangs up before the answer is no failure of ours, nor worth a line of the log.
        if not isinstance(exception, SanicException | TooMany | asyncio.CancelledError):
            metrics.FAILURES.add(part="request")
            log.error("a request failed", error=place_of(exception))
        if isinstance(exception, ApiError):
            request.ctx.refused = exception.code
        elif isinstance(exception, _DATABASE_AWAY):
            request.ctx.refused = "database"
        answer = refusal(exception)
        if isinstance(exception, SanicException):
            allow = (getattr(exception, "headers", None) or {}).get("Allow")
            if allow:
                answer.headers["Allow"] = str(allow)
        if answer.status == 401 and {"authorization", "dpop"} & set(request.headers):
            # What a client of tokens has to show (RFC 9110 section 11.6.1, RFC 9449 section 7.1).
            answer.headers["WWW-Authenticate"] = 'DPoP algs="EdDSA ES256"'
        answer = self._for_people(request, answer)
        # Some failures happen where response middleware does not run.
        self._finish(answer)
        return answer

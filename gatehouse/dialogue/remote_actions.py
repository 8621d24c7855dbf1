"""Calls a separate action server so that it can tell who calls, and nobody else can answer.

Takes the place of Rasa's own `EndpointConfig` for the action server of `endpoints.yml`. Every call
is signed over its exact bytes and says what the dialogue policy let through; an answer that is not
signed for this very call is not read. Must never send a call unsigned.
"""

from __future__ import annotations

import asyncio
import json as encoder
import ssl
import zlib
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig, concat_url

from gatehouse.dialogue import admissions
from gatehouse.errors import Unavailable
from gatehouse.identity.assertions import METADATA_KEY
from gatehouse.identity.calls import SIGNATURE, Call, Caller, CallRefused

TIMEOUT = 25.0
"""Seconds; less than a turn may take, so that the person gets an answer."""

MOST_ANSWER = 4 << 20  # bytes


class ForeignAnswer(Unavailable):
    """Whatever answered at the address of the action server, it is not the action server."""


class SignedActions(EndpointConfig):
    """The action server at `endpoint`, called under signatures of `caller`."""

    def __init__(self, endpoint: EndpointConfig, caller: Caller) -> None:
        super().__init__(
            url=endpoint.url, params=endpoint.params, headers=endpoint.headers,
            basic_auth=endpoint.basic_auth, token=endpoint.token, token_name=endpoint.token_name,
            cafile=endpoint.cafile, **endpoint.kwargs,
        )  # fmt: skip
        self._caller = caller

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Run the action call in `kwargs["json"]`; errors as Rasa expects them from a server."""
        call_json = kwargs.pop("json")
        token = _token_of(call_json)
        body = await asyncio.to_thread(_encoded, call_json, compress)
        url = concat_url(self.url, subpath)
        call = Call(method.upper(), urlsplit(url).path or "/", "deflate" if compress else "", body)
        signed = await asyncio.to_thread(self._caller.sign, call, admissions.noted(token))
        headers = {"Content-Type": "application/json", **self.headers, **signed}
        if compress:
            headers["Content-Encoding"] = "deflate"
        status, answer, signature = await self._send(method, url, headers, body)
        try:
            await asyncio.to_thread(self._caller.check_answer, signed, status, answer, signature)
        except CallRefused as refused:
            raise ForeignAnswer(
                f"the answer of the action server was not believed: {refused.reason}",
                "check that `rasa run actions` of this deployment has the address in endpoints.yml",
                "one action server needs the same keys directory and a clock within 60 s",
            ) from refused
        if status >= 400:
            raise ClientResponseError(status, "the action server refused", answer.decode("utf-8"))
        return encoder.loads(answer)

    async def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, str | None]:
        context = ssl.create_default_context(cafile=self.cafile) if self.cafile else None
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            self.session() as session,
            session.request(
                method, url, data=body, headers=headers, params=self.combine_parameters(),
                timeout=timeout, ssl=context if context is not None else True,
                allow_redirects=False,
            ) as response,
        ):  # fmt: skip
            answer = await response.content.read(MOST_ANSWER + 1)
            while len(answer) <= MOST_ANSWER and (more := await response.content.readany()):
                answer += more
            if len(answer) > MOST_ANSWER:
                raise ForeignAnswer("the answer of the action server is too large")
            return response.status, answer, response.headers.get(SIGNATURE)


def _encoded(call: Any, compress: bool) -> bytes:
    body = encoder.dumps(call).encode("utf-8")
    return zlib.compress(body) if compress else body


def _token_of(call: Any) -> object:
    message = (call.get("tracker") or {}).get("latest_message") or {}
    return (message.get("metadata") or {}).get(METADATA_KEY)

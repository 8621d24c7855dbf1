"""A refusal as a page, for the person who typed an address or followed a link.

Programs get every error as JSON; a browser that was sent somewhere by a person would show that as raw
text without a way on. Only a navigation gets this page, by what the browser itself says of the request
(Fetch Metadata), and nothing of the request appears in it.
"""

from __future__ import annotations

import html
import json

from sanic.request import Request
from sanic.response import HTTPResponse

from gatehouse.channel.admission import SAFE_METHODS

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Gatehouse</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/chat/static/gatehouse.css">
</head>
<body>
<main class="door"><div class="panel">
<span class="mark" aria-hidden="true"></span>
<h1>{sentence}</h1>
<a class="primary" href="{chat}">Open the chat</a>
</div></main>
</body>
</html>
"""


def is_navigation(request: Request) -> bool:
    """Whether a person's browser goes to this address, and will show what comes back."""
    return (
        request.method in SAFE_METHODS and request.headers.get("sec-fetch-mode", "") == "navigate"
    )


def page(refusal: HTTPResponse, origin: str) -> HTTPResponse:
    """`refusal`, a JSON error, as a page that leads to the chat at `origin`; same status and headers."""
    sentence = json.loads(refusal.body or b"{}")["error"]["message"]
    return HTTPResponse(
        _PAGE.format(sentence=html.escape(sentence), chat=html.escape(f"{origin}/chat")),
        status=refusal.status,
        headers=refusal.headers,
        content_type="text/html; charset=utf-8",
    )

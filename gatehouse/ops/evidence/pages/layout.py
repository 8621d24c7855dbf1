"""What every page of a bundle has: head, style, and the small pieces that pages are made of."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from gatehouse.ops.evidence.mapping import CUSTOMER, MET, NOT_APPLICABLE, NOT_MET, PARTLY

WORDS = {
    MET: "met",
    PARTLY: "partly met",
    NOT_MET: "not met",
    CUSTOMER: "the customer's",
    NOT_APPLICABLE: "does not apply",
}
"""How a status is called on a page."""
CAUTION = (
    "This is evidence for an assessment, collected by the program that is assessed. It says what its "
    "authors claim, which tests and looks show it, and how those ended. It does not say that anybody "
    "complies with anything: that is for an assessor to decide."
)


def document(title: str, body: Iterable[str]) -> bytes:
    """A page; `title` is escaped here, `body` has to be HTML already."""
    style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = "\n".join(body)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{text}
</body>
</html>
""".encode()


def prose(text: str) -> str:
    """`text` escaped, with what stands in backticks shown as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def pill(word: str, kind: str) -> str:
    """A state as a word in a coloured frame; `kind` is a class of the style."""
    return f'<span class="pill {kind}">{escape(word)}</span>'


def status_pill(status: str) -> str:
    return pill(WORDS[status], status)


def name_of(identifier: str) -> str:
    """An id as the fragment of a link."""
    return escape(identifier.lower().replace(".", "-"))

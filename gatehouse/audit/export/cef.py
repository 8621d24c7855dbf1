"""ArcSight Common Event Format, version 0, for collectors that want one line of text.

`CEF:0|vendor|product|version|kind|words|severity|extensions`; in the head `|` and `\\` are escaped, in
the extensions `=`, `\\` and line ends. Custom strings carry their labels, as the format demands.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gatehouse.audit.export.words import outcome, severity
from gatehouse.audit.reader import Entry

_SEVERITY = {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}  # OCSF's five levels as CEF's ten
_LABELS = (("rule", "cs1"), ("intent", "cs2"), ("revision", "cs3"), ("conversation", "cs4"))


def line(entry: Entry, body: dict[str, Any], origin: str) -> str:
    """One line of CEF for an entry of the log `origin`."""
    kind = str(body["kind"])
    fields: dict[str, str] = {
        "rt": str(int(datetime.fromisoformat(str(body["at"])).timestamp() * 1000)),
        "externalId": str(entry.sequence),
        "dvchost": origin,
        "cat": kind,
    }
    if body.get("person"):
        fields["suid"] = str(body["person"])
    result = outcome(body)
    if result:
        fields["outcome"] = result
    if body.get("reason"):
        fields["reason"] = str(body["reason"])
    for name, key in _LABELS:
        if body.get(name):
            fields[key] = str(body[name])
            fields[f"{key}Label"] = name
    head = ("Gatehouse", "Gatehouse", _version(), kind, kind.replace("_", " "))
    words = "|".join(_head(text) for text in head)
    extensions = " ".join(f"{name}={_value(text)}" for name, text in fields.items())
    return f"CEF:0|{words}|{_SEVERITY[severity(body)]}|{extensions}"


def _head(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


def _version() -> str:
    try:
        return version("gatehouse")
    except PackageNotFoundError:
        return "0"

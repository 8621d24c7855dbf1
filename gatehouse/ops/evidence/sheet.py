"""The map as CSV, for people who work with spreadsheets.

Cells that a spreadsheet could take for a formula are led by an apostrophe (ASVS v5.0.0-1.2.10), and
every cell is quoted (RFC 4180).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from gatehouse.ops.evidence.assessment import Assessed

COLUMNS = (
    "framework", "id", "level", "group", "status", "last result", "how it is met", "where",
    "tests", "settings", "self-tests", "live results", "what the customer does",
    "what is not met", "why it does not apply",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")


def sheet(requirements: Iterable[Assessed]) -> str:
    """One line for each requirement, below a line with the names of the columns."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in requirements:
        writer.writerow(map(safe, _row(one)))
    return text.getvalue()


def safe(cell: str) -> str:
    """`cell` as text that no spreadsheet runs."""
    cell = cell.replace("\0", "")
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _row(one: Assessed) -> Iterable[str]:
    claim = one.claim
    return (
        claim.framework, claim.id, str(claim.level or ""), claim.group, claim.status, one.last,
        claim.how, "; ".join(claim.where), _ended(one.tests), "; ".join(claim.settings),
        _ended(one.selftests), _ended(one.live), claim.customer, claim.gap, claim.why,
    )  # fmt: skip


def _ended(outcomes: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {how}" for name, how in outcomes.items())

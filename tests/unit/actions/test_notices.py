"""Notices of cases to another system."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from actions import notices
from gatehouse import runtime
from gatehouse.audit import AuditUnavailable
from gatehouse.webhooks import WebhookUnavailable
from tests.patience import PATIENCE

KEY = "0123456789abcdef" * 4


class Desk:
    """The services that a notice uses, remembering what they were asked."""

    def __init__(self, *, known: bool = True, away: bool = False, full: bool = False) -> None:
        self.known, self.away, self.full = known, away, full
        self.sent: list[tuple[Any, ...]] = []
        self.recorded: list[str] = []

    def knows(self, name: str) -> bool:
        return self.known and name == "cases"

    def deliver(self, name: str, kind: str, data: Any, **options: Any) -> None:
        assert self.recorded, "nothing is sent before it is recorded"
        if self.away:
            raise WebhookUnavailable("away")
        self.sent.append((name, kind, dict(data), options["message_id"]))

    def append(self, kind: str, **_: Any) -> int:
        if self.full:
            raise AuditUnavailable("disk full")
        self.recorded.append(kind)
        return 1


def told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One notice, until it is over."""
    services = SimpleNamespace(outgoing=desk, audit=desk)
    monkeypatch.setattr(runtime, "_current", services)
    case: Any = SimpleNamespace(case_id="C-7", desk="security desk", kind="security_incident")
    sending = notices.tell(case, "P-1", KEY)
    if sending is not None:
        sending.join(PATIENCE)


def test_a_notice_names_the_case_and_nothing_that_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Case, desk and kind; recorded first; the id follows the request, so that a retry counts once."""
    desk = Desk()
    told(desk, monkeypatch)
    told(desk, monkeypatch)
    expected = (
        "cases",
        "case.opened",
        {"case": "C-7", "desk": "security desk", "kind": "security_incident"},
        f"msg_{KEY[:32]}",
    )
    assert [expected, expected] == desk.sent


def test_nobody_wants_notices_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the system in webhooks.toml, or outside a serving process, nothing is sent."""
    desk = Desk(known=False)
    told(desk, monkeypatch)
    assert ([], []) == (desk.sent, desk.recorded)
    monkeypatch.setattr(runtime, "_current", None)
    assert notices.tell(None, "P-1", KEY) is None  # type: ignore[arg-type]


def test_a_system_that_is_away_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is in the audit log, and nothing reaches the person who opened the case."""
    desk = Desk(away=True)
    told(desk, monkeypatch)
    assert ["webhook_sent", "webhook_failed"] == desk.recorded


def test_without_an_entry_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full audit log keeps the notice back."""
    desk = Desk(full=True)
    told(desk, monkeypatch)
    assert [] == desk.sent

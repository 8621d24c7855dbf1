"""Numbers are counted by name, and their labels cannot grow."""

from __future__ import annotations

import secrets

import pytest

from gatehouse import metrics
from gatehouse.audit.log import KINDS


def series() -> set[str]:
    text = metrics.exposition()[0].decode()
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}


def test_an_unknown_label_value_is_other() -> None:
    """A value that nobody named makes no new series, so no name and no flood can get in."""
    before = series()
    for _ in range(50):
        metrics.DECISIONS.add(effect=secrets.token_hex(8), stage=secrets.token_hex(8))
    assert before == series()
    assert metrics.value("gatehouse_decisions_total", effect="other", stage="other") >= 50


def test_every_kind_of_entry_is_counted_from_zero() -> None:
    """`increase` sees the first tampering, because its series is there before it."""
    shown = series()
    missing = [k for k in KINDS if f'gatehouse_audit_entries_total{{kind="{k}"}}' not in shown]
    assert [] == missing


def test_an_entry_counts_for_what_it_says() -> None:
    """One entry counts as a decision, a second factor, a sign-in or a throttle, as it says."""

    def counts() -> list[float]:
        return [
            metrics.value("gatehouse_decisions_total", effect="deny", stage="intent"),
            metrics.value("gatehouse_step_ups_total", outcome="failed"),
            metrics.value("gatehouse_sign_ins_total", outcome="locked"),
            metrics.value("gatehouse_throttled_total", what="sign_in_failures"),
            metrics.value("gatehouse_throttled_total", what="codes"),
        ]

    before = counts()
    metrics.recorded("decision", {"effect": "deny", "stage": "intent"})
    metrics.recorded("step_up_failed", {"reason": "wrong"})
    metrics.recorded("step_up_refused", {"reason": "throttled"})
    metrics.recorded("sign_in_refused", {"reason": "locked"})
    assert [1, 1, 1, 1, 1] == [
        after - earlier for after, earlier in zip(counts(), before, strict=True)
    ]


def test_wrong_labels_are_a_mistake_of_the_caller() -> None:
    """A misspelt label is found by the first call, not by a silent extra series."""
    with pytest.raises(ValueError, match="outcome"):
        metrics.STEP_UPS.add(outcom="passed")


def test_a_reading_is_asked_at_every_look() -> None:
    """A state is looked up when it is asked for, and only while somebody answers for it."""
    numbers = iter([1.0, 2.0])

    def reader() -> list[metrics.Reading]:
        return [("gatehouse_test_state", "A test.", next(numbers), {"of": "it"})]

    with metrics.reading(reader):
        assert 'gatehouse_test_state{of="it"} 1.0' in metrics.exposition()[0].decode()
        assert 'gatehouse_test_state{of="it"} 2.0' in metrics.exposition()[0].decode()
    assert "gatehouse_test_state" not in metrics.exposition()[0].decode()

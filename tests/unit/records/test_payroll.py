"""The demo payroll's arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.records.payroll import (
    LABELS,
    TAX_CLASSES,
    Line,
    TaxProfile,
    month_lines,
    social_security,
)

PROFILES = st.builds(TaxProfile, st.sampled_from(TAX_CLASSES), st.integers(0, 6), st.booleans())
SINGLE = TaxProfile("I", 0, church_tax=False)


def _cents(lines: tuple[Line, ...], code: str) -> int:
    return sum(line.cents for line in lines if line.code == code)


@given(st.integers(60_000, 2_000_000), st.integers(0, 1_000_000), PROFILES, st.integers(0, 7900))
def test_net_is_left(monthly: int, bonus: int, profile: TaxProfile, plan: int) -> None:
    """Every line has a label and no negative amount, and deductions leave something of the pay."""
    lines = month_lines(monthly, (("bonus", bonus),), profile, plan)
    assert all(line.cents >= 0 and line.code in LABELS for line in lines)
    deductions = sum(line.cents for line in lines if line.kind == "deduction")
    assert 0 < deductions < monthly + bonus


@given(st.integers(60_000, 2_000_000), st.integers(1, 500_000), PROFILES)
def test_more_pay_more_tax(monthly: int, rise: int, profile: TaxProfile) -> None:
    """Tax never falls when pay rises, and a rise is never taxed away."""
    before = _cents(month_lines(monthly, (), profile, 0), "income_tax")
    after = _cents(month_lines(monthly + rise, (), profile, 0), "income_tax")
    assert -10 <= after - before <= rise * 0.46 + 200


def test_low_pay_is_untaxed() -> None:
    """Pay below the basic allowance bears no income tax."""
    assert 0 == _cents(month_lines(110_000, (), SINGLE, 0), "income_tax")


def test_tax_by_hand() -> None:
    """60 000 euro a year in class I: 12 percent and 1 266 euro off, tariff zone three, by hand."""
    # x = 60000 - 7200 - 1266 = 51534; z = 3.3735; (173.10 z + 2397) z + 1034.87 = 11091.15
    assert round(1_109_100 / 12) == _cents(month_lines(500_000, (), SINGLE, 0), "income_tax")


def test_church_tax() -> None:
    """Church tax is nine percent of the income tax."""
    lines = month_lines(500_000, (), TaxProfile("I", 0, church_tax=True), 0)
    assert round(_cents(lines, "income_tax") * 0.09) == _cents(lines, "church_tax")


def test_class_order() -> None:
    """At the same pay class III bears less tax than II, and II less than I."""
    taxes = [
        _cents(
            month_lines(400_000, (), TaxProfile(tax_class, 2, church_tax=False), 0), "income_tax"
        )
        for tax_class in ("III", "II", "I")
    ]
    assert sorted(set(taxes)) == taxes


@pytest.mark.parametrize(("childless", "care"), [(True, 2.4), (False, 1.8)])
def test_social_security(childless: bool, care: float) -> None:
    """Each branch takes its share of 4 000 euro."""
    expected = {"pension": 37_200, "unemployment": 5_200, "health": 34_200}
    expected["care"] = round(4000 * care)
    assert expected == social_security(400_000, childless=childless)


def test_ceilings() -> None:
    """Above the ceilings the shares stay the same."""
    assert social_security(900_000, childless=True) == social_security(1_900_000, childless=True)

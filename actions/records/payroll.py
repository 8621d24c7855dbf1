"""Pay of one month: earnings, wage tax, social security, net.

A demo that follows the shape of German payroll in 2026, much simplified: it is not tax advice and
must never be used to pay anyone. Left out, among others: the solidarity surcharge, tax classes V
and VI, private insurance and the care insurance discounts for several children. All amounts are
whole cents and every deduction is rounded by itself, so that a payslip adds up to the cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from actions.records.model import LineKind

LABELS = {
    "salary": "Monthly salary",
    "shift": "Shift allowance",
    "bonus": "Year-end bonus",
    "income_tax": "Income tax",
    "church_tax": "Church tax",
    "pension": "Pension insurance",
    "unemployment": "Unemployment insurance",
    "health": "Health insurance",
    "care": "Care insurance",
    "health_plan": "Company health plan",
}
SOCIAL_CODES = ("pension", "unemployment", "health", "care")
TAX_CLASSES = ("I", "II", "III", "IV")

# Employee's share of social security and the monthly pay up to which it is taken (2026).
_PENSION_CEILING = 845_000
_HEALTH_CEILING = 581_250
_RATES = {
    "pension": (Decimal("0.093"), _PENSION_CEILING),
    "unemployment": (Decimal("0.013"), _PENSION_CEILING),
    "health": (Decimal("0.0855"), _HEALTH_CEILING),
    "care": (Decimal("0.018"), _HEALTH_CEILING),
}
_CHILDLESS_CARE = Decimal("0.006")
_CHURCH = Decimal("0.09")
_LUMP_SUMS = Decimal(1230 + 36)
_PROVISION = Decimal("0.12")
_SINGLE_PARENT = Decimal(4260)


@dataclass(frozen=True, slots=True)
class TaxProfile:
    """What decides a person's deductions besides pay; `half_child_allowances` counts 0.5 each."""

    tax_class: str
    half_child_allowances: int
    church_tax: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a payslip; `cents` is positive for earnings and deductions."""

    code: str
    kind: LineKind
    cents: int


def month_lines(
    monthly_cents: int,
    extras: Sequence[tuple[str, int]],
    profile: TaxProfile,
    plan_cents: int,
) -> tuple[Line, ...]:
    """The lines of a month: the salary, `extras` as (code, cents), then all deductions above 0."""
    gross = monthly_cents + sum(cents for _, cents in extras)
    income_tax = _wage_tax(monthly_cents, gross - monthly_cents, profile.tax_class)
    deductions = {
        "income_tax": income_tax,
        "church_tax": _cents(income_tax * _CHURCH) if profile.church_tax else 0,
        **social_security(gross, childless=profile.half_child_allowances == 0),
        "health_plan": plan_cents,
    }
    earnings = (("salary", monthly_cents), *extras)
    return tuple(
        [Line(code, "earning", cents) for code, cents in earnings]
        + [Line(code, "deduction", cents) for code, cents in deductions.items() if cents]
    )


def social_security(gross_cents: int, *, childless: bool) -> dict[str, int]:
    """The employee's share of each branch in cents for one month's gross pay."""
    shares = {}
    for code, (rate, ceiling) in _RATES.items():
        extra = _CHILDLESS_CARE if code == "care" and childless else Decimal(0)
        shares[code] = _cents(min(gross_cents, ceiling) * (rate + extra))
    return shares


def _wage_tax(monthly_cents: int, extra_cents: int, tax_class: str) -> int:
    """Wage tax of a month; extras are taxed by what they add to the tax of the year."""
    year = Decimal(monthly_cents) * 12 / 100
    regular = _annual_tax(year, tax_class)
    added = _annual_tax(year + Decimal(extra_cents) / 100, tax_class) - regular
    return _cents(regular * 100 / 12) + _cents(added * 100)


def _annual_tax(gross: Decimal, tax_class: str) -> Decimal:
    """Income tax in euro on a year's gross pay in euro."""
    taxable = gross - gross * _PROVISION - _LUMP_SUMS
    if tax_class == "II":
        taxable -= _SINGLE_PARENT
    if tax_class == "III":
        return 2 * _tariff(taxable / 2)
    return _tariff(taxable)


def _tariff(taxable: Decimal) -> Decimal:
    """Income tax in whole euro after section 32a EStG, tariff of 2026."""
    x = max(taxable, Decimal(0)).to_integral_value(ROUND_DOWN)
    if x <= 12_348:
        tax = Decimal(0)
    elif x <= 17_799:
        y = (x - 12_348) / 10_000
        tax = (Decimal("914.51") * y + 1_400) * y
    elif x <= 69_878:
        z = (x - 17_799) / 10_000
        tax = (Decimal("173.10") * z + 2_397) * z + Decimal("1034.87")
    elif x <= 277_825:
        tax = Decimal("0.42") * x - Decimal("11135.63")
    else:
        tax = Decimal("0.45") * x - Decimal("19470.38")
    return tax.to_integral_value(ROUND_DOWN)


def _cents(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_HALF_UP))

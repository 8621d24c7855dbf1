"""Own pay: salary, pay day, payslips, tax; and what is asked about other people's pay.

Every answer is about the person who signed in, except the two at the end, which the rules refuse
to almost everybody. Amounts come from the records and are never worked out here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from actions.answering import DeskAction, button, given, in_words, records
from actions.date_words import Unclear
from actions.people_found import one_person
from actions.periods import ManyMonths, Month, parse_month, parse_year
from actions.records.interface import Payslip, SystemOfRecord
from actions.wording import day, days, lines, money, weekday
from gatehouse.dialogue.turn import Ask, Button, Reply, Scalar, Turn

LONGEST_NAME = 80
MONTHS_OFFERED = 3


class ViewSalary(DeskAction):
    """What do I earn?"""

    intent = "view_salary"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "show your salary"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        salary = records.salary(turn.person.employee_id, turn.today)
        return Reply.say(
            f"Your salary is {money(salary.annual_gross, salary.currency)} gross a year, "
            f"{money(salary.monthly_gross, salary.currency)} a month, in band {salary.band}. "
            f"It has been in effect since {day(salary.since)}."
        )


class ViewNextPayDate(DeskAction):
    """When is pay day?"""

    intent = "view_next_pay_date"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        month = _month_of_pay(turn)
        if month is not None and month.last < turn.today:
            return Reply.say(f"Pay day of {month.name} is over. {_next_pay_day(turn, records)}")
        if month is not None and month.first > turn.today:
            pay_day = records.next_pay_date(month.first)
            return Reply.say(f"Pay day in {month.name} is {weekday(pay_day)}.")
        return Reply.say(_next_pay_day(turn, records))


def _next_pay_day(turn: Turn, records: SystemOfRecord) -> str:
    pay_day = records.next_pay_date(turn.today)
    ahead = (pay_day - turn.today).days
    when = "today" if ahead == 0 else "tomorrow" if ahead == 1 else f"in {days(ahead)}"
    return f"The next pay day is {weekday(pay_day)}, {when}."


def _month_of_pay(turn: Turn) -> Month | None:
    """The month whose pay day is asked for; None for the next one, and for what names no one month."""
    words = given(turn, "period") or ("" if turn.text.startswith("/") else turn.text)
    try:
        month = parse_month(words, turn.today)
    except Unclear:
        return None
    if month is not None and not re.search(
        r"\b20[0-9]{2}\b|\b(?:this|previous|past|ago)\b|\blast (?!working)", words
    ):
        # Who says "march" in november means the one to come.
        return month.shifted(12) if month.last < turn.today else month
    return month


class ViewPayslip(DeskAction):
    """The payslip of one month."""

    intent = "view_payslip"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        if turn.entity("person"):
            raise Ask("I can show only your own payslips. Which month of yours would you like?")
        return {"period": _existing_month(turn).name}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"show your payslip for {values['period']}"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        month = _asked_month(turn)
        slip = records.payslip(turn.person.employee_id, month.year, month.month)
        return Reply.say(_payslip_text(slip, month))


class ViewTaxWithholding(DeskAction):
    """How my pay is taxed."""

    intent = "view_tax_withholding"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "show your tax withholding"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        tax = records.tax_withholding(turn.person.employee_id, turn.today)
        items = [
            f"Tax class {tax.tax_class}, child allowances {tax.child_allowances.normalize():f}",
            f"Income tax {money(tax.income_tax, tax.currency)}",
            f"Church tax {money(tax.church_tax_amount, tax.currency)}"
            if tax.church_tax
            else "No church tax",
            f"Social security {money(tax.social_security, tax.currency)}",
        ]
        heading = f"From {money(tax.monthly_gross, tax.currency)} gross a month are withheld:"
        return Reply.say(lines(heading, items))


class ViewTaxForm(DeskAction):
    """The wage tax statement of a complete year."""

    intent = "view_tax_form"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        return {"year": str(_existing_year(turn))}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"show your wage tax statement for {values['year']}"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        form = records.tax_form(turn.person.employee_id, _asked_year(turn))
        months = (Month(form.year, form.first_month), Month(form.year, form.last_month))
        heading = (
            f"Your wage tax statement for {form.year} ({months[0].name} to {months[1].name}), "
            f"issued on {day(form.issued_on)}:"
        )
        items = [
            f"Gross pay {money(form.gross, form.currency)}",
            f"Income tax {money(form.income_tax, form.currency)}",
            f"Church tax {money(form.church_tax, form.currency)}",
            f"Social security {money(form.social_security, form.currency)}",
        ]
        return Reply.say(lines(heading, items))


class ViewColleagueSalary(DeskAction):
    """Somebody else's pay; the rules refuse it, and say why."""

    intent = "view_colleague_salary"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return "anyone", {}

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        # Nobody is looked up before the rules have agreed: a name must not be confirmed here.
        return {"person": (given(turn, "person") or "")[:LONGEST_NAME]}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"show the salary of {values['person']}"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        person = one_person(turn, records, self.intent)
        salary = records.salary(person.employee_id, turn.today)
        return Reply.say(
            f"{person.name} earns {money(salary.annual_gross, salary.currency)} gross a year, "
            f"in band {salary.band}."
        )


class ViewSalaryBands(DeskAction):
    """What the grades pay."""

    intent = "view_salary_bands"

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return "anyone", {}

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        bands = [
            f"{band.code} {band.title}: {money(band.minimum, band.currency)}"
            f" to {money(band.maximum, band.currency)}"
            for band in records.salary_bands()
        ]
        return Reply.say(lines("The salary bands, gross a year:", bands))


def _asked_month(turn: Turn) -> Month:
    # All that are named: "june and july" is not june.
    words = " and ".join(turn.entity_values("period")) or given(turn, "period")
    try:
        month = parse_month(words, turn.today) if words else None
    except ManyMonths as several:
        raise Ask(f"{several.message} Which month?", *_months(several.months[:6])) from None
    except Unclear as unclear:
        raise Ask(f"{unclear.message} Which month?", *_recent_months(turn)) from None
    if month is None:
        raise Ask("Which month's payslip do you want to see?", *_recent_months(turn))
    return month


def _existing_month(turn: Turn) -> Month:
    """The month asked for; raises `Ask` where it has no payslip, so that no code is spent on it."""
    month = _asked_month(turn)
    with in_words():
        periods = records().payslip_periods(turn.person.employee_id)
    if not periods:
        raise Ask("There is no payslip for you yet.")
    if (month.year, month.month) not in periods:
        known = [Month(*period) for period in periods]
        raise Ask(
            f"There is no payslip for {month.name}. "
            f"Yours are from {min(known).name} to {max(known).name}.",
            *_months(known[:MONTHS_OFFERED]),
        )
    return month


def _recent_months(turn: Turn) -> tuple[Button, ...]:
    with in_words():
        periods = records().payslip_periods(turn.person.employee_id)
    return _months([Month(*period) for period in periods[:MONTHS_OFFERED]])


def _months(months: tuple[Month, ...] | list[Month]) -> tuple[Button, ...]:
    return tuple(button(month.name, "view_payslip", period=month.iso) for month in months)


def _asked_year(turn: Turn) -> int:
    words = given(turn, "year") or given(turn, "period")
    with in_words():
        year = parse_year(words, turn.today) if words else None
        if year is not None:
            return year
        years = records().tax_form_years(turn.person.employee_id)
    if len(years) == 1:
        return years[0]
    if not years:
        raise Ask("There is no wage tax statement for you yet.")
    raise Ask("Which year's wage tax statement do you want to see?", *_years(years))


def _existing_year(turn: Turn) -> int:
    """The year asked for; raises `Ask` where it has no statement, so that no code is spent on it."""
    year = _asked_year(turn)
    with in_words():
        years = records().tax_form_years(turn.person.employee_id)
    if not years:
        raise Ask("There is no wage tax statement for you yet.")
    if year not in years:
        raise Ask(f"There is no wage tax statement of yours for {year}.", *_years(years))
    return year


def _years(years: tuple[int, ...]) -> tuple[Button, ...]:
    return tuple(button(str(year), "view_tax_form", year=str(year)) for year in years)


def _payslip_text(slip: Payslip, month: Month) -> str:
    items = [
        f"{line.label}: {'-' if line.kind == 'deduction' else ''}{money(line.amount, slip.currency)}"
        for line in slip.lines
    ]
    items.append(f"Gross {money(slip.gross, slip.currency)}, net {money(slip.net, slip.currency)}")
    items.append(f"Paid on {day(slip.pay_date)} to {slip.paid_to}")
    return lines(f"Your payslip for {month.name}:", items)

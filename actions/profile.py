"""Own account for pay and own home address: read back, confirmed, approved with a code, changed once.

The values that the person approves are the values that are written: both come from the same checks
on the same slots, at the moment of the change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from actions.answering import DeskAction, button, in_words
from actions.forms import CONFIRMED, DeskForm, Heard
from actions.records import checks
from actions.records.iban import SEPA_LENGTHS, parse_iban
from actions.records.interface import RecordNotFound, SystemOfRecord
from actions.wording import day, iban_in_groups
from gatehouse.dialogue.turn import Ask, Message, Reply, Scalar, Turn

BANK_SLOTS = ("iban", CONFIRMED)
ADDRESS_SLOTS = ("street", "postcode", "city", CONFIRMED)
LONGEST_LINE = 300

FEWEST_DIGITS = 8
"""Digits below which a text is not taken for an attempt at an account number."""

_IBAN_START = re.compile(r"\b(?P<country>[A-Za-z]{2})[ -]?[0-9]{2}")
_ONE_LINE = re.compile(
    r"(?P<street>[^\W\d_][^,;\n]{1,80}?\s?[0-9]+\s?[a-zA-Z]?)[,;\s]+"
    r"(?P<postcode>[0-9]{5})\s+(?P<city>[^\W\d_][^\d,;\n]{1,59})$"
)
_LEAD_IN = re.compile(
    r"^.*\b(?:address(?: is| to)?|moved to|move to|moving to|live (?:at|in)|now(?: at| in)?|to|is|it'?s|mean|sorry,?)\b[:\s]+",
    re.IGNORECASE,
)
_POSTCODE = re.compile(r"(?<![0-9])[0-9]{5}(?![0-9])")
_TAKES_BACK = re.compile(
    r"^\W*(?:(?:no|nope|wait|sorry|oops|actually|hold on|stop|correction|i meant?|it should be)\b[\s,.:;-]*)+",
    re.IGNORECASE,
)
_STREET = re.compile(r"[^\W\d_][^,;\n]{1,80}?\s?[0-9]{1,4}\s?[a-zA-Z]?(?=$|[,;.!])")
_CITY_LEAD_IN = re.compile(r"^(?:it'?s |in |the city is |the town is )+", re.IGNORECASE)


class ViewPersonalDetails(DeskAction):
    """The address and the account that are on file; of the account no more than tells it apart."""

    intent = "view_personal_details"

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return "show your home address and the account for your pay"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        address = records.address(turn.person.employee_id)
        text = (
            f"Your home address is {address.street}, {address.postcode} {address.city}, "
            f"on file since {day(address.since)}."
        )
        offers = [button("Change my address", "change_address")]
        with suppress(RecordNotFound):  # who is no employee has no pay
            pay_day = records.next_pay_date(turn.today)
            account = records.bank_account(turn.person.employee_id, pay_day)
            text += f" Your next pay goes to {account.masked_iban}."
            offers.append(button("Change my account", "change_bank_account"))
        return Reply((Message(text=text, buttons=tuple(offers)),))


class BankAccountForm(DeskForm):
    """The IBAN that pay shall go to, then a yes."""

    intent = "change_bank_account"
    asks = BANK_SLOTS

    def read(self, heard: Heard) -> Mapping[str, Any]:
        candidate = _iban_like(heard)
        if candidate is not None:
            return {"iban": iban_in_groups(parse_iban(candidate))}
        if heard.requested == "iban" and any(character.isdigit() for character in heard.text):
            return {"iban": iban_in_groups(parse_iban(heard.text))}
        return {}


class ChangeBankAccount(DeskAction):
    """Pays to the account that was confirmed and approved."""

    intent = "change_bank_account"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        return {"iban": iban_in_groups(_confirmed_iban(turn))}

    def subject(self, turn: Turn) -> tuple[str, Mapping[str, Scalar]]:
        return "self", {"country": _confirmed_iban(turn)[:2]}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return f"have your pay sent to {values['iban']}"

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        account = records.change_bank_account(
            turn.person.employee_id, _confirmed_iban(turn), turn.request_key, turn.now
        )
        return Reply.say(
            f"Done. Your pay goes to {account.masked_iban} from the pay run on "
            f"{day(account.effective_from)}. If you did not ask for this, "
            "report a security incident at once.",
            slots=dict.fromkeys(BANK_SLOTS),
        )


class AddressForm(DeskForm):
    """Street, postcode and town, one by one or in one line, then a yes."""

    intent = "change_address"
    asks = ADDRESS_SLOTS

    def read(self, heard: Heard) -> Mapping[str, Any]:
        text = heard.text.strip()
        if len(text) > LONGEST_LINE:
            return {} if heard.starts else _one_value(heard, text)
        whole = _ONE_LINE.search(_LEAD_IN.sub("", text))
        if whole:
            return {
                "street": checks.street(whole["street"].strip()),
                "postcode": checks.postcode(whole["postcode"]),
                "city": checks.city(whole["city"].strip(" .!")),
            }
        return {} if heard.starts else _one_value(heard, text)


class ChangeAddress(DeskAction):
    """Writes the address that was confirmed and approved."""

    intent = "change_address"

    def request_values(self, turn: Turn) -> Mapping[str, str]:
        street, postcode, city = _confirmed_address(turn)
        return {"street": street, "postcode": postcode, "city": city}

    def prompt(self, turn: Turn, values: Mapping[str, str]) -> str:
        return (
            f"change your home address to {values['street']}, {values['postcode']} {values['city']}"
        )

    def answer(self, turn: Turn, records: SystemOfRecord) -> Reply:
        address = records.change_address(
            turn.person.employee_id, *_confirmed_address(turn), turn.request_key, turn.now
        )
        return Reply.say(
            f"Done. Your home address is {address.street}, {address.postcode} {address.city} "
            f"from {day(address.since)} on.",
            slots=dict.fromkeys(ADDRESS_SLOTS),
        )


def _iban_like(heard: Heard) -> str | None:
    """The part of the message that is, or was meant to be, an account number."""
    named = heard.entity("iban")
    if named is not None:
        return named
    text = heard.text[:LONGEST_LINE]
    if sum(character.isdigit() for character in text) < FEWEST_DIGITS:
        return None
    for start in _IBAN_START.finditer(text):
        length = SEPA_LENGTHS.get(start["country"].upper())
        if length:
            rest = re.sub(r"[^A-Za-z0-9]", "", text[start.start() :])
            return rest[:length]
    return None


def _one_value(heard: Heard, text: str) -> dict[str, Any]:
    taken_back = _TAKES_BACK.match(text)
    if taken_back and heard.requested != "street":
        corrected = _corrected(text[taken_back.end() :])
        if corrected:
            return corrected
    if heard.requested == "street":
        return {"street": checks.street(text)} if re.search(r"\d", text) else {}
    if heard.requested == "postcode":
        number = _POSTCODE.search(text)
        return {"postcode": checks.postcode(number[0] if number else text)}
    if heard.requested == "city":
        return {"city": checks.city(_CITY_LEAD_IN.sub("", text).strip(" .!"))}
    return {}


def _corrected(text: str) -> dict[str, Any]:
    """What "no wait, it's Lindenallee 8" corrects: the street, the postcode or the town; or nothing."""
    text = text.strip(" .!,")
    street = _STREET.search(text)
    number = _POSTCODE.search(text)
    town = re.search(r"\b(?:town|city)(?: is|:)? (?P<city>.+)$", text, re.IGNORECASE)
    found: dict[str, Any] = {}
    if street and not (number and number[0] in street[0]):
        found["street"] = checks.street(_LEAD_IN.sub("", street[0]).strip())
    if number:
        found["postcode"] = checks.postcode(number[0])
    if town:
        found["city"] = checks.city(town["city"].strip(" .!"))
    return found


def _confirmed_iban(turn: Turn) -> str:
    if turn.slots.get(CONFIRMED) is not True:
        raise Ask("No change of your account is open. Say that you want to change it to begin.")
    with in_words():
        return parse_iban(turn.slots.get("iban"))


def _confirmed_address(turn: Turn) -> tuple[str, str, str]:
    if turn.slots.get(CONFIRMED) is not True:
        raise Ask("No change of your address is open. Say that you have moved to begin.")
    with in_words():
        return (
            checks.street(turn.slots.get("street")),
            checks.postcode(turn.slots.get("postcode")),
            checks.city(turn.slots.get("city")),
        )

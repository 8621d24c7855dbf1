"""Looking people up, the reporting line, home addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actions.records.interface import Conflict, InvalidChange, RecordNotFound
from actions.records.model import Address
from actions.records.sql import SqlRecords

from .conftest import NOW, TODAY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Erin Walsh", ["E-1001"]),
        ("  erin   WALSH ", ["E-1001"]),
        ("Walsh, Erin", ["E-1001"]),
        ("Erin Walsh's", ["E-1001"]),
        ("Ms. Walsh", ["E-1001"]),
        ("walsh", ["E-1001"]),
        ("E-1001", ["E-1001"]),
        ("e-1001", ["E-1001"]),
        ("Brandstrom", ["E-1023"]),
        ("Brandström", ["E-1023"]),
        ("Brandstro\u0308m", ["E-1023"]),
        ("Brandstroem", ["E-1023"]),
        ("Okonjo", ["E-1006"]),
        ("Mei Ling", ["E-1016"]),
        ("van Doornick", ["E-1009"]),
        ("Erin", ["E-1019", "E-1001"]),
        ("Marco", ["E-1002", "E-1029"]),
        ("Jo", ["E-1015", "E-1041"]),
        ("Erin Silva", []),
        ("Walshe", []),
        ("nobody", []),
        ("E-9999", []),
    ],
)
def test_find_people(records: SqlRecords, text: str, expected: list[str]) -> None:
    """Names are found in any writing; who fits equally well is named, nobody is guessed."""
    assert expected == [one.employee_id for one in records.find_people(text)]


def test_full_name_wins(records: SqlRecords) -> None:
    """A whole part of a name beats the beginning of another."""
    assert ["E-1035"] == [one.employee_id for one in records.find_people("Wei")]  # and Weidenthal


@pytest.mark.parametrize(
    "text",
    ["", " ", "e", "%", "%%", "__", "*", "..", "' OR '1'='1", "1=1", "x" * 10_000, "\x00\x00",
     "Mr", "\ud800\ud800", "\u202e\u202e", None, 5, ["Erin"]],
)  # fmt: skip
def test_nothing_that_is_no_name(records: SqlRecords, text: str) -> None:
    """Patterns, signs, titles and other values find nobody and raise nothing."""
    assert () == records.find_people(text)


def test_reporting_line(records: SqlRecords) -> None:
    """Only the direct manager counts, never the person, the team or somebody higher up."""
    assert records.is_manager_of("E-1002", "E-1001")
    for manager, person in [
        ("E-1001", "E-1002"),
        ("E-1001", "E-1001"),
        ("E-1007", "E-1001"),
        ("E-1002", "E-1021"),
        ("E-9999", "E-1001"),
        ("E-1002", "E-9999"),
        ("", ""),
        (None, None),
    ]:
        assert not records.is_manager_of(manager, person)  # type: ignore[arg-type]
    assert not records.is_manager_of("E-1006", "E-1006")


def test_team(records: SqlRecords) -> None:
    """A team is the direct reports by last name; somebody without reports has none."""
    team = [one.last_name for one in records.team("E-1002")]
    assert ("Achterberg", 9, sorted(team)) == (team[0], len(team), team)
    assert () == records.team("E-1001")


def test_manager_is_named(records: SqlRecords) -> None:
    """A person's manager is named; the chief has none."""
    assert ("E-1002", "Marco Silva") == (
        records.employee("E-1001").manager_id,
        records.employee("E-1001").manager_name,
    )
    assert (None, None) == (
        records.employee("E-1006").manager_id,
        records.employee("E-1006").manager_name,
    )


def test_change_address(records: SqlRecords) -> None:
    """An address is trimmed, holds from today and can be changed again."""
    assert records.address("E-1001").since < TODAY
    made = records.change_address(
        "E-1001", " Straße des  Glücks 5a ", " 10115 ", "Berlin", "request-1", NOW
    )
    assert Address("E-1001", "Straße des Glücks 5a", "10115", "Berlin", TODAY) == made
    assert made == records.address("E-1001")
    tomorrow = NOW + timedelta(days=1)
    records.change_address("E-1001", "Hof 1", "14467", "Potsdam", "request-2", tomorrow)
    assert "Potsdam" == records.address("E-1001").city
    assert made == records.change_address(
        "E-1001", "Straße des Glücks 5a", "10115", "Berlin", "request-1", NOW
    )
    assert "Potsdam" == records.address("E-1001").city
    with pytest.raises(Conflict):
        records.change_address("E-1001", "Hof 2", "14467", "Potsdam", "request-2", NOW)


@pytest.mark.parametrize(
    ("street", "postcode", "city", "field"),
    [
        ("Lindenweg", "10115", "Berlin", "street"),
        ("12", "10115", "Berlin", "street"),
        ("", "10115", "Berlin", "street"),
        ("Lindenweg 1\nHaus 2", "10115", "Berlin", "street"),
        ("L" * 101 + " 1", "10115", "Berlin", "street"),
        ("Lindenweg 1; DROP TABLE hr_address", "10115", "Berlin", "street"),
        ("Lindenweg 1 \u202e", "10115", "Berlin", "street"),
        ("Lindenweg 12", "1011", "Berlin", "postcode"),
        ("Lindenweg 12", "101155", "Berlin", "postcode"),
        ("Lindenweg 12", "00999", "Berlin", "postcode"),
        ("Lindenweg 12", "99999", "Berlin", "postcode"),
        ("Lindenweg 12", "1011\u0665", "Berlin", "postcode"),
        ("Lindenweg 12", "10115", "", "city"),
        ("Lindenweg 12", "10115", "B", "city"),
        ("Lindenweg 12", "10115", "Berlin 12", "city"),
        ("Lindenweg 12", "10115", "<b>Berlin</b>", "city"),
        ("Lindenweg 12", "10115", "Ber\x00lin", "city"),
        ("Lindenweg 12", "10115", "B" * 61, "city"),
    ],
)
def test_address_rules(
    records: SqlRecords, street: str, postcode: str, city: str, field: str
) -> None:
    """Each part of an address is checked, the part at fault is named, nothing is changed."""
    before = records.address("E-1001")
    with pytest.raises(InvalidChange) as caught:
        records.change_address("E-1001", street, postcode, city, "request-1", NOW)
    assert field == caught.value.field
    assert before == records.address("E-1001")


@pytest.mark.parametrize(
    ("street", "city"),
    [
        ("Str. d. Pariser Kommune 8-10", "Frankfurt (Oder)"),
        ("Platz des 4. Juli 1", "Garmisch-Partenkirchen"),
        ("O\u2019Brien-Weg 3/2. OG", "Bad Kötzting"),
    ],
)
def test_odd_but_right_addresses(records: SqlRecords, street: str, city: str) -> None:
    """Addresses as they really occur pass."""
    made = records.change_address("E-1001", street, "68161", city, "request-1", NOW)
    assert (street, city) == (made.street, made.city)


@pytest.mark.parametrize("employee_id", ["", "1001", "e-1001", "E-", "E-1001 ", "E-9999", None])
def test_unknown_person(records: SqlRecords, employee_id: str) -> None:
    """An unknown or malformed id is nobody."""
    for ask in (records.employee, records.address, records.team, records.payslip_periods):
        with pytest.raises(RecordNotFound, match="no such person"):
            ask(employee_id)

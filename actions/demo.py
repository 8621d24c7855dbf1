"""The demonstration of this project: who can sign in, and whose records there are.

`gatehouse init --demo` calls it; nothing else may, because it makes accounts with known passwords.
"""

from __future__ import annotations

from datetime import date

from actions.records import organisation
from actions.records.seed import bring_up_to_date, has_people, is_demo, seed
from gatehouse.db import open_engine
from gatehouse.errors import InvalidInput
from gatehouse.ops.demo import DemoAccount
from gatehouse.settings import Settings

_ROLES = {
    1001: {"employee"},
    1002: {"employee", "manager"},
    1003: {"employee", "hr_admin"},
    1004: {"contractor"},
    1005: {"auditor"},
}


def _accounts() -> tuple[DemoAccount, ...]:
    members = {member.number: member for member in organisation.MEMBERS}
    return tuple(
        DemoAccount(
            username=f"{members[number].first_name}.{members[number].last_name}".lower(),
            display_name=f"{members[number].first_name} {members[number].last_name}",
            roles=frozenset(roles),
            department=members[number].department,
            employment_type="contractor" if members[number].is_contractor else "employee",
            employee_id=members[number].employee_id,
        )
        for number, roles in _ROLES.items()
    )


ACCOUNTS = _accounts()


def seed_records(settings: Settings, today: date) -> None:
    """Fill an empty system of record, or bring the demonstration's own up to date.

    Raises `InvalidInput` when the records are somebody else's.
    """
    engine = open_engine(settings.database_url(settings.records))
    if not has_people(engine):
        seed(engine, today)
    elif is_demo(engine):
        bring_up_to_date(engine, today)
    else:
        raise InvalidInput("the system of record holds people who are not of the demonstration")

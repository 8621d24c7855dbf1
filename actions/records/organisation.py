"""Brightwater Logistics: the invented people, pay and places of the demo.

Everybody and everything here is made up, and any likeness to real people is by chance. It is data
only; `seed` turns it into records. None of it may ever be used outside a demo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NAME = "Brightwater Logistics"
MAIL_DOMAIN = "brightwater.example"
LOCATION = "Berlin"
CONTRACTOR = "contractor"

BANDS = (
    # code, title, lowest and highest annual gross pay in euro
    ("B1", "Operative", 32_000, 42_000),
    ("B2", "Specialist", 40_000, 56_000),
    ("B3", "Senior specialist", 52_000, 72_000),
    ("B4", "Manager", 66_000, 92_000),
    ("B5", "Head of department", 88_000, 125_000),
    ("B6", "Management board", 120_000, 185_000),
)

PLANS = (
    # code, name, what it covers, monthly cost in euro
    ("basic", "Basic", "Glasses and check-ups up to 300 euro a year", 0),
    ("standard", "Standard", "Basic, dental replacement at 80 percent and travel cover", 24),
    ("premium", "Premium", "Standard, and a single room in hospital", 58),
    ("family", "Family", "Standard for you, your partner and all your children", 79),
)

STREETS = (
    ("Am Alten Speicher", "10317", "Berlin"),
    ("Birkenhof", "13187", "Berlin"),
    ("Kanalblick", "12057", "Berlin"),
    ("Lotsenweg", "13591", "Berlin"),
    ("Mühlensteg", "12555", "Berlin"),
    ("Neue Fährgasse", "14467", "Potsdam"),
    ("Obstgartenring", "16321", "Bernau"),
    ("Ziegelhofweg", "15537", "Erkner"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the organisation.

    `months` is how long they have been here when the demo starts, `annual` the yearly gross pay in
    euro, `taxes` the tax class, half child allowances and `c` for church tax. Contractors have
    neither band, pay, taxes nor plan.
    """

    number: int
    first_name: str
    last_name: str
    job_title: str
    department: str
    manager: int | None
    months: int
    band: str = CONTRACTOR
    annual: int = 0
    taxes: str = ""
    plan: str = ""

    @property
    def employee_id(self) -> str:
        return f"E-{self.number}"

    @property
    def is_contractor(self) -> bool:
        return self.band == CONTRACTOR


# By department: number, first name, last name, job title, number of the manager, months here
# and, but for contractors: band, annual gross, taxes, plan.
_TABLE = """
[Warehouse operations]
1001|Erin     |Walsh          |Warehouse coordinator         |1002|61 |B2|45600 |I 0    |standard
1002|Marco    |Silva          |Warehouse manager             |1007|98 |B4|74400 |III 4 c|family
1013|Tomasz   |Wrobelski      |Shift lead                    |1002|52 |B2|47400 |III 2 c|family
1014|Amina    |Diallo-Renz    |Inventory specialist          |1002|37 |B2|43200 |I 0    |basic
1015|Jonas    |Petersmark     |Forklift operator             |1002|29 |B1|36000 |I 0    |basic
1016|Mei-Ling |Chowdry        |Goods-in clerk                |1002|46 |B1|37800 |IV 1   |standard
1017|Yusuf    |Demirkan       |Forklift operator             |1002|83 |B1|38400 |III 4  |family
1018|Katrin   |Obermaier-Lenk |Picker                        |1002|5  |B1|33000 |I 0    |basic
1019|Erin     |Achterberg     |Picker                        |1002|31 |B1|34200 |I 0    |basic
1020|Luca     |Ferrantino     |Warehouse systems consultant  |1002|7
[People]
1003|Hanna    |Vogel          |HR administrator              |1008|74 |B3|60000 |IV 1   |premium
1008|Leyla    |Arslan-Hoff    |Head of people                |1006|88 |B5|102000|IV 2   |family
1033|Benedikt |Sommerau       |Payroll specialist            |1008|68 |B3|58800 |III 2 c|family
1034|Rosa     |Iglesias-Kern  |Recruiter                     |1008|32 |B2|48000 |I 0    |standard
[Transport]
1004|Colin    |Reyes          |Route planning consultant     |1010|9
1010|Nadia    |Kowalczuk      |Head of transport             |1007|79 |B5|96000 |II 2   |family
1021|Kwame    |Asantewaa      |Dispatcher                    |1010|40 |B2|46800 |I 0    |standard
1022|Sofia    |Marchetto      |Dispatcher                    |1010|33 |B2|45000 |IV 2   |standard
1023|Oliver   |Brandström     |Driver                        |1010|71 |B1|39600 |III 2  |family
1024|Fatima   |Benhaddad      |Fleet specialist              |1010|48 |B2|49200 |II 1   |standard
1025|Henrik   |Solbakke       |Driver                        |1010|92 |B1|40200 |I 0 c  |basic
1026|Priya    |Ramanathan-Voss|Customs specialist            |1010|27 |B3|57600 |IV 0   |premium
1027|Jakub    |Novotnik       |Driver on contract            |1010|14
[Audit]
1005|Audrey   |Lindt          |Internal auditor              |1006|43 |B3|66000 |I 0    |basic
[Management board]
1006|Theodora |Okonjo-Brandt  |Chief executive               |-   |132|B6|174000|IV 2   |premium
1007|Rasmus   |Feldkamp       |Chief operating officer       |1006|117|B6|144000|III 6 c|family
1009|Pieter   |van Doornick   |Chief financial officer       |1006|104|B6|141600|I 0    |premium
[Information technology]
1011|Samir    |Haddadin       |Head of information technology|1007|66 |B5|105600|IV 3   |family
1038|Aroha    |Ngatai         |Security engineer             |1011|39 |B3|70800 |I 0    |premium
1039|Felix    |Dornbergen     |Systems engineer              |1011|64 |B3|66600 |III 4  |family
1040|Tariq    |Mansourian     |Network consultant            |1011|11
1041|Joanna   |Zielinek       |Service desk engineer         |1011|34 |B2|50400 |IV 1   |standard
[Customer service]
1012|Greta    |Lindholt       |Head of customer service      |1007|57 |B5|91200 |I 0 c  |standard
1028|Chiara   |Lombardelli    |Service agent                 |1012|35 |B1|37200 |I 0    |basic
1029|Marco    |Weidenthal     |Service agent                 |1012|30 |B1|36600 |I 0    |standard
1030|Nkechi   |Adeyinka       |Service team lead             |1012|59 |B2|52800 |IV 2 c |family
1031|Lukas    |Thalmeier      |Claims specialist             |1012|44 |B2|44400 |I 1    |standard
1032|Zeynep   |Aksoylu        |Service agent                 |1012|26 |B1|35400 |I 0    |basic
[Finance]
1035|Wei      |Zhang-Kellner  |Controller                    |1009|55 |B3|64800 |IV 2   |premium
1036|Marta    |Oliveiros      |Accountant                    |1009|49 |B2|51600 |II 1   |standard
1037|Stellan  |Ekvall         |Accountant                    |1009|28 |B2|47400 |I 0    |basic
"""


def _members() -> Iterator[Member]:
    department = ""
    for line in _TABLE.strip().splitlines():
        if line.startswith("["):
            department = line.strip("[]")
            continue
        number, first, last, title, manager, months, *pay = (
            cell.strip() for cell in line.split("|")
        )
        leader = None if manager == "-" else int(manager)
        person = (int(number), first, last, title, department, leader, int(months))
        if pay:
            band, annual, taxes, plan = pay
            yield Member(*person, band, int(annual), taxes, plan)
        else:
            yield Member(*person)


MEMBERS = tuple(sorted(_members(), key=lambda member: member.number))


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A person of the demo who can sign in."""

    username: str
    employee_id: str
    roles: tuple[str, ...]


DEMO_ACCOUNTS = (
    DemoAccount("erin.walsh", "E-1001", ("employee",)),
    DemoAccount("marco.silva", "E-1002", ("employee", "manager")),
    DemoAccount("hanna.vogel", "E-1003", ("employee", "hr_admin")),
    DemoAccount("colin.reyes", "E-1004", ("contractor",)),
    DemoAccount("audrey.lindt", "E-1005", ("auditor",)),
)
"""One account per role; display name, department and employment type stand in the records."""

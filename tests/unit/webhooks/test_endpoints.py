"""`webhooks.toml`: what is not understood stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import InvalidInput
from gatehouse.webhooks import read_endpoints
from gatehouse.webhooks.signature import write_secret
from tests.unit.webhooks.conftest import NEW, OLD, path_of

GOOD = """
[outgoing.crm]
url = "https://crm.example.org/hooks"
secrets = ["new", "old"]
addresses = ["203.0.113.0/24"]

[incoming.hr]
secrets = ["new"]
kinds = ["person.left"]
addresses = ["203.0.113.7"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, key in (("new", NEW), ("old", OLD)):
        (tmp_path / name).write_text(write_secret(key) + "\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def test_a_good_file(home: Path) -> None:
    """Secrets come from files beside it, newest first."""
    found = read_endpoints(path_of(home, GOOD))
    assert (NEW, OLD) == found.outgoing["crm"].keys
    assert "crm.example.org" == found.outgoing["crm"].host
    assert found.incoming["hr"].allows("203.0.113.7")
    assert not found.incoming["hr"].allows("203.0.113.8")


def test_no_file_means_no_endpoints(tmp_path: Path) -> None:
    """Nothing goes out or comes in unless it is named."""
    found = read_endpoints(tmp_path / "webhooks.toml")
    assert ({}, {}) == (found.outgoing, found.incoming)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("https://crm", "http://crm", "outgoing.crm.url"),
        ("https://crm.", "https://user:pw@crm.", "outgoing.crm.url"),
        ("https://crm.example.org/hooks", "https:///hooks", "outgoing.crm.url"),
        ("https://crm.example.org/hooks", "https://crm.example.org:99999/", "outgoing.crm.url"),
        ('["new", "old"]', "[]", "outgoing.crm.secrets"),
        ('["new", "old"]', '["missing"]', "outgoing.crm.secrets"),
        ('"203.0.113.0/24"', '"203.0.113.1/24"', "outgoing.crm.addresses"),
        ('"203.0.113.0/24"', '"crm"', "outgoing.crm.addresses"),
        ('kinds = ["person.left"]', "", "incoming.hr.kinds"),
        ('kinds = ["person.left"]', 'kinds = ["person.gone"]', "person.gone"),
        ("[incoming.hr]", "[incoming.HR]", "incoming.HR"),
        ("[incoming.hr]", "[inbound.hr]", "inbound"),
        ("url =", "uri =", "uri"),
        ("[outgoing.crm]", "[outgoing.crm", "cannot be read"),
    ],
)
def test_a_mistake_is_named(home: Path, old: str, new: str, named: str) -> None:
    """The message names the entry; nothing is half read."""
    with pytest.raises(InvalidInput) as refused:
        read_endpoints(path_of(home, GOOD.replace(old, new)))
    assert named in refused.value.message


def test_a_secret_that_others_can_read_is_refused(home: Path) -> None:
    """File modes are checked, as for keys."""
    (home / "new").chmod(0o640)
    with pytest.raises(InvalidInput, match="others can read"):
        read_endpoints(path_of(home, GOOD))

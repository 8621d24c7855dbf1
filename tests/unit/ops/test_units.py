"""The units of systemd in deploy/ call commands that there are, and give away no more than they need."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click
import pytest

from gatehouse.cli.main import gatehouse
from gatehouse.errors import IntegrityError, InvalidInput, NotReady

UNITS = Path(__file__).resolve().parents[3] / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def read(name: str) -> dict[str, list[str]]:
    """Every key of a unit with its values in order."""
    found = defaultdict(list)
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        key, given, value = line.partition("=")
        if given and not line.startswith("#"):
            found[key].append(value)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_a_command_of_ours(name: str) -> None:
    """And under an account of its own, with nothing to write but what it owns."""
    unit = read(name)
    [line] = unit["ExecStart"]
    program, *words = line.split()
    assert program.endswith("/bin/gatehouse")
    command: click.Command = gatehouse
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, word
        command = found
    assert not isinstance(command, click.Group)
    assert ["gatehouse"] == unit["User"] == unit["Group"]
    assert (["strict"], ["yes"], [""]) == (
        unit["ProtectSystem"], unit["NoNewPrivileges"], unit["CapabilityBoundingSet"]
    )  # fmt: skip
    [home] = unit["WorkingDirectory"]
    assert f"{home}/var" == unit["ReadWritePaths"][0]
    assert [f"GATEHOUSE_HOME={home}"] == unit["Environment"]


def test_what_no_new_start_mends_is_not_started_again() -> None:
    """Broken settings and altered data stop the unit; a database that is away does not."""
    [never] = read("gatehouse.service")["RestartPreventExitStatus"]
    assert [InvalidInput.exit_code, IntegrityError.exit_code] == [int(one) for one in never.split()]
    assert NotReady.exit_code not in {int(one) for one in never.split()}


def test_a_timer_has_its_service() -> None:
    """Each timer starts the service of its name."""
    timers = sorted(path.stem for path in UNITS.glob("*.timer"))
    assert ["gatehouse-drill"] == timers
    assert "gatehouse-drill.service" in SERVICES

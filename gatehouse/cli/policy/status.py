"""`gatehouse policy status`: what is in force, and what waits for whom."""

from __future__ import annotations

from typing import Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.cli.policy.files import json_option, print_json
from gatehouse.clock import as_iso
from gatehouse.policy.errors import PolicyInvalid, counted


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show which policies are in force, and with four eyes what waits for whom."""
    from gatehouse.policy import load_directory, read_domain
    from gatehouse.policy.status import DIRECTORY, read_status
    from gatehouse.runtime import open_runtime

    runtime = open_runtime(home_directory())
    settings = runtime.settings
    told = read_status(settings.path(DIRECTORY))
    found: dict[str, Any] = {
        "four_eyes": settings.policy.four_eyes,
        "in_force": told.in_force if told else "",
        "since": as_iso(told.at) if told else "",
        "files": "",
        "mistakes": 0,
        "waiting": [],
    }
    try:
        domain = read_domain(settings.path("domain.yml"))
        directory = settings.path(settings.policy.directory)
        found["files"] = load_directory(directory, domain, settings.policy.time_zone).revision
    except PolicyInvalid as invalid:
        found["mistakes"] = len(invalid.problems)
    if settings.policy.four_eyes:
        base = runtime.approvals.in_force()
        found["in_force"] = base.revision if base else ""
        names = runtime.approver.name_of
        found["waiting"] = [
            {
                "revision": edit.revision,
                "verdict": edit.verdict,
                "in_files": edit.revision == found["files"],
                "proposed_by": (names(edit.proposer) or "") if edit.proposer else "",
                "approved_by": (names(edit.approver) or "") if edit.approver else "",
            }
            for edit in runtime.approvals.waiting(base)
        ]
    if as_json:
        print_json(found)
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: dict[str, Any]) -> list[str]:
    switched = "on" if found["four_eyes"] else "off"
    lines = [f"four eyes  {switched}", f"in force   {found['in_force'] or 'nothing yet'}"]
    if found["mistakes"]:
        lines.append(
            f"files      {counted(found['mistakes'], 'mistake')}; `gatehouse policy check` shows them"
        )
    elif found["files"] == found["in_force"]:
        lines.append("files      the same")
    else:
        lines.append(f"files      {found['files']}")
    for edit in found["waiting"]:
        if not edit["in_files"]:
            continue
        who = edit["proposed_by"] or "nobody yet: its author runs `gatehouse policy propose`"
        lines.append(f"waiting    {edit['revision']} ({edit['verdict']})")
        lines.append(f"  proposed by  {who}")
        lines.append(f"  approved by  {edit['approved_by'] or 'nobody yet'}")
    return lines

"""`gatehouse policy approve`: a second person lets an edit take effect."""

from __future__ import annotations

import click

from gatehouse.cli.policy.four_eyes import (
    NOBODY_NEEDED,
    exactly,
    offered,
    open_deployment,
    proven,
    summary,
    username_option,
)
from gatehouse.cli.policy.terminal import fitted


@click.command()
@click.argument("revision")
@username_option
def approve(revision: str, username: str | None) -> None:
    """Approve the edit of exactly REVISION; it then takes effect in a running assistant.

    With four eyes, for an edit that opens something, or lets the policy tests forbid less, and that
    somebody else has proposed. The password
    is asked for, or read from the file that GATEHOUSE_PASSWORD_FILE names; a code is asked for.
    """
    runtime = open_deployment()
    found = offered(runtime)
    exactly(revision, found)
    if not found.waits:
        click.echo(NOBODY_NEEDED, err=True)
        return
    click.echo(fitted(summary(found).splitlines(), err=True), err=True)

    def may(person_id: str) -> None:
        runtime.approvals.may_approve(found.revision, found.base, person_id)

    person = proven(found, username, "policy_approve", may)
    may(person.id)
    runtime.audit.append(
        "policy_approved",
        person=person.id,
        offered=found.revision,
        verdict=found.verdict,
        approved_by=person.username,
    )
    runtime.approvals.approve(found.revision, found.base, person.id)
    click.echo(f"approved by {person.username}: revision {found.revision}", err=True)

"""`gatehouse policy propose`: the author puts their name to an edit that waits."""

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
@click.argument("revision", required=False)
@username_option
def propose(revision: str | None, username: str | None) -> None:
    """Put your name to the edit in the policy files, as its author.

    Needed with four eyes when the edit opens something, or lets the policy tests forbid less; somebody
    else then approves it. The password
    is asked for, or read from the file that GATEHOUSE_PASSWORD_FILE names; a code is asked for.
    """
    runtime = open_deployment()
    found = offered(runtime)
    exactly(revision, found)
    if not found.waits:
        click.echo(NOBODY_NEEDED, err=True)
        return
    click.echo(fitted(summary(found).splitlines(), err=True), err=True)
    person = proven(found, username, "policy_propose")
    runtime.audit.append(
        "policy_proposed",
        person=person.id,
        offered=found.revision,
        verdict=found.verdict,
        proposed_by=person.username,
    )
    runtime.approvals.offer(found.revision, found.base, found.verdict)
    runtime.approvals.propose(found.revision, found.base, person.id)
    click.echo(
        f"proposed by {person.username}; somebody else now runs\n"
        f"gatehouse policy approve {found.revision}",
        err=True,
    )

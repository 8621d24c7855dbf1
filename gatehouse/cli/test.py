"""`gatehouse test`: the conversation tests."""

from __future__ import annotations

from datetime import datetime

import click

from gatehouse.cli.home import home_directory

# A Wednesday at eleven: within any office hours that a policy may ask for.
STORY_TIME = datetime(2026, 6, 10, 11, 0)


@click.command()
def test() -> None:
    """Run the conversation tests below tests/conversations with the trained model."""
    from gatehouse.ops.terminal import calm_terminal

    calm_terminal()
    from zoneinfo import ZoneInfo

    from gatehouse.dialogue import conversation_tests, rehearsal
    from gatehouse.policy import load_directory, read_domain
    from gatehouse.settings import load_settings

    home = home_directory()
    settings = load_settings(home)
    zone = settings.policy.time_zone
    domain = read_domain(home / "domain.yml")
    rules = load_directory(settings.path(settings.policy.directory), domain, zone)
    at = STORY_TIME.replace(tzinfo=ZoneInfo(zone))
    rehearsal.install(rules, rules.roles, at)
    outcome = conversation_tests.run(
        home / "models" / "current.tar.gz", home / "tests" / "conversations", home / "domain.yml"
    )
    for name, difference in outcome.failed:
        click.echo(f"FAILED {name}\n       {difference}", err=True)
    click.echo(f"{len(outcome.passed)} passed, {len(outcome.failed)} failed")
    if outcome.failed:
        raise conversation_tests.ConversationTestsFailed("conversation tests failed")

"""`gatehouse run`: serve."""

from __future__ import annotations

import click

from gatehouse.cli.home import home_directory


@click.command()
@click.option("--demo", is_flag=True, help="Also show the demonstration's accounts.")
def run(demo: bool) -> None:
    """Serve the assistant over HTTPS until Ctrl-C."""
    from gatehouse.ops.terminal import calm_terminal

    calm_terminal()
    from gatehouse.logs import take_over
    from gatehouse.settings import load_settings

    home = home_directory()
    logs = load_settings(home).logs
    take_over(logs.level, logs.libraries, logs.format)
    from gatehouse import runtime as composition
    from gatehouse.ops import demo as demonstration
    from gatehouse.ops.serve import serve

    runtime = composition.open_runtime(home, serving=True)
    composition.install(runtime)
    settings = runtime.settings
    lines = [f"Gatehouse is ready: {settings.server.origin}/chat"]
    if demo:
        password, totp = demonstration.read_secrets(settings)
        lines += _demo_lines(password, {name: runtime.directory.by_username(name) for name in totp})
    lines.append("Stop with Ctrl-C.")
    serve(
        runtime,
        home / "models" / "current.tar.gz",
        ready=lambda: click.echo("\n".join(["", *lines, ""])),
    )


def _demo_lines(password: str, people: dict[str, object]) -> list[str]:
    accounts = [
        f"  {username:<14} {', '.join(sorted(getattr(person, 'roles', ())))}"
        for username, person in people.items()
    ]
    trust = "`.venv/bin/gatehouse tls trust-hint` says how to make your browser trust it."
    return [
        "",
        "Sign in as one of these (the password of all is " + password + "):",
        *accounts,
        "",
        "A code of an account's authenticator:  make code WHO=erin.walsh",
        "The certificate comes from an authority made on this machine;",
        trust,
        "",
    ]

"""`gatehouse widget`: what another page needs to show the chat page.

Only reads settings. The chat page protects itself: which pages may frame it is decided by the header
that it is sent with, never by what this command prints.
"""

from __future__ import annotations

import html

import click


@click.group("widget")
def widget() -> None:
    """Show the chat page inside a page of your own."""


@widget.command("snippet")
@click.option("--title", default="HR assistant", show_default=True, help="For screen readers.")
def snippet(title: str) -> None:
    """Print the HTML that embeds the chat page.

    The page that uses it has to be named in `server.framed_by`.
    """
    from gatehouse.cli.home import home_directory
    from gatehouse.settings import load_settings

    server = load_settings(home_directory()).server
    click.echo(
        f'<iframe src="{html.escape(server.origin)}/chat" title="{html.escape(title)}"\n'
        '        sandbox="allow-scripts allow-same-origin allow-forms allow-downloads\n'
        '                 allow-popups allow-popups-to-escape-sandbox"\n'
        '        allow="publickey-credentials-get; publickey-credentials-create" referrerpolicy="no-referrer"\n'
        '        style="width: 26rem; max-width: 100%; height: 40rem; border: 0"></iframe>'
    )
    if server.framed_by:
        click.echo(f"Pages that may use it: {', '.join(server.framed_by)}", err=True)
    else:
        click.echo(
            "No page may use it yet.\n"
            "hint: name the origins in gatehouse.toml, such as\n"
            '      [server]\n      framed_by = ["https://intranet.example.org"]',
            err=True,
        )

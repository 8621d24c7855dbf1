"""The section about sending e-mail: codes, and notices about one's own second factors.

Off until a host is named. There is no setting that allows a connection without verified TLS.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.settings.values import setting


@dataclass(frozen=True)
class Mail:
    """E-mail, by SMTP with STARTTLS; off without a host."""

    host: str = setting("", "Name of the SMTP server, as its certificate says it; empty for none.")
    port: int = setting(587, "Its port; STARTTLS is demanded.", kind="int", low=1, high=65535)
    sender: str = setting("", "Address that messages come from.")
    username: str = setting("", "User name at the server; empty for none.")
    password_file: str = setting("", "File that holds its password, mode 0600.")
    authority: str = setting("", "PEM file of the authority of its certificate.")
    domains: tuple[str, ...] = setting(
        (), "Domains that codes may go to; empty for any.", kind="list"
    )

"""`gatehouse tls`: the certificate that the server presents.

Talks about certificates only; private keys are never printed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gatehouse.settings import Settings


@click.group("tls")
def tls() -> None:
    """The certificate for HTTPS: make, renew, show, trust."""


def _settings() -> Settings:
    from gatehouse.settings import load_settings

    return load_settings(Path(os.environ.get("GATEHOUSE_HOME", ".")))


def _refuse_operator_certificate(settings: Settings) -> None:
    from gatehouse.errors import InvalidInput
    from gatehouse.ops.tls import uses_local_authority

    if not uses_local_authority(settings):
        raise InvalidInput(
            "tls.certificate is set, so the local authority is not used",
            "renew the certificate where it came from, then restart",
        )


@tls.command("init")
def init() -> None:
    """Make the local authority and a certificate for localhost, unless they exist."""
    _make(renew=False)


@tls.command("renew")
def renew() -> None:
    """Replace the server's certificate; the authority stays and need not be trusted again."""
    _make(renew=True)


def _make(*, renew: bool) -> None:
    from gatehouse.clock import SystemClock
    from gatehouse.ops.tls import local_authority

    settings = _settings()
    _refuse_operator_certificate(settings)
    made = local_authority(settings).ensure(SystemClock().now(), renew=renew)
    click.echo("made a new certificate" if made else "nothing to do", err=True)
    _show(settings)


@tls.command("status")
def status() -> None:
    """Show whose certificate is in use and until when."""
    _show(_settings())


def _show(settings: Settings) -> None:
    from gatehouse.clock import as_iso
    from gatehouse.ops.tls import status as tls_status

    found = tls_status(settings)
    click.echo(f"issued by    {'the local authority' if found.local else 'the operator'}")
    click.echo(f"subject      {found.subject}")
    click.echo(f"valid until  {as_iso(found.expires_at)}")
    click.echo(f"sha-256      {found.fingerprint}")


@tls.command("trust-hint")
def trust_hint() -> None:
    """Say how to make a browser trust the local authority."""
    from gatehouse.errors import NotReady
    from gatehouse.ops.tls import local_authority

    settings = _settings()
    _refuse_operator_certificate(settings)
    authority = local_authority(settings)
    found = authority.authority()
    if found is None:
        raise NotReady("there is no local authority yet", "run `gatehouse tls init`")
    path = authority.certificate_file
    click.echo(
        f"""The local authority can vouch for localhost, 127.0.0.1 and ::1 only.
Certificate  {path}
SHA-256      {found.fingerprint}

Firefox      Settings, Privacy & Security, View Certificates, Authorities, Import
Chromium     Settings, Privacy and security, Security, Manage certificates, Import
Debian       sudo cp {path} /usr/local/share/ca-certificates/gatehouse.crt
             sudo update-ca-certificates
Fedora       sudo trust anchor {path}
macOS        sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain {path}
Windows      certutil -addstore -user Root {path}
curl         curl --cacert {path} https://localhost:{settings.server.port}/chat"""
    )

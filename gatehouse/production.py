"""What must not be there when Gatehouse serves real people.

Both ways to serve, `gatehouse run` and Rasa's own launcher, ask here before they accept anything. A
production start refuses while any of it is in use, and names each with the way to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gatehouse.backup.targets import open_target
from gatehouse.errors import NotReady
from gatehouse.identity import Directory
from gatehouse.settings import Settings
from gatehouse.stepup import Totp

DEMO_MARKER = "DEMO"


class Deployment(Protocol):
    """The part of the runtime that is looked at."""

    @property
    def settings(self) -> Settings: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def totp(self) -> Totp: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a production deployment must not have, and what to do about it."""

    what: str
    remedy: str


def demo_marker(settings: Settings) -> Path:
    """The file that marks keys which were made for a demonstration."""
    return settings.path(settings.keys.directory) / DEMO_MARKER


def findings(deployment: Deployment) -> tuple[Finding, ...]:
    """Everything that stands against serving in production."""
    found = []
    demo = max(deployment.directory.count_demo(), deployment.totp.count_demo())
    if demo:
        found.append(
            Finding(f"{demo} demo accounts can sign in", "start from a fresh home directory")
        )
    if demo_marker(deployment.settings).exists():
        found.append(
            Finding(
                "the keys were made for the demonstration",
                "run `gatehouse init` in a fresh home directory",
            )
        )
    if not deployment.settings.tls.certificate:
        found.append(
            Finding(
                "HTTPS uses a certificate of the local authority",
                "set tls.certificate and tls.key to a certificate that browsers trust",
            )
        )
    found += _about_backups(deployment.settings)
    return tuple(found)


def _about_backups(settings: Settings) -> list[Finding]:
    """A place for backups that would survive the volume of the data, or the word that others do it."""
    backup = settings.backup
    if not backup.every:
        return []
    if not backup.target:
        return [
            Finding(
                "there is no place for backups",
                "set backup.target to a second place, or backup.every to 0 if they are made otherwise",
            )
        ]
    target = open_target(settings)
    if target.volume is not None and target.volume == settings.home.stat().st_dev:
        return [
            Finding(
                "backups are on the volume of the databases",
                "set backup.target to a directory on another volume, sftp://… or s3://…",
            )
        ]
    return []


def require_fit(deployment: Deployment) -> None:
    """Raise `NotReady` naming every finding when the profile is `production`."""
    if deployment.settings.server.profile != "production":
        return
    found = findings(deployment)
    if found:
        raise NotReady(
            "this deployment must not serve in production: "
            + "; ".join(finding.what for finding in found),
            *(finding.remedy for finding in found),
        )

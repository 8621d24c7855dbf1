"""What must not be there when Gatehouse serves real people.

A production start refuses while any of it is in use, and names each with the way to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.errors import NotReady
from gatehouse.ops.demo import is_demo_keys
from gatehouse.ops.tls import uses_local_authority
from gatehouse.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a production deployment must not have, and what to do about it."""

    what: str
    remedy: str


def findings(runtime: Runtime) -> tuple[Finding, ...]:
    """Everything that stands against serving in production."""
    settings = runtime.settings
    found = []
    demo = max(runtime.directory.count_demo(), runtime.totp.count_demo())
    if demo:
        found.append(
            Finding(f"{demo} demo accounts can sign in", "start from a fresh home directory")
        )
    if is_demo_keys(settings):
        found.append(
            Finding(
                "the keys were made for the demonstration",
                "run `gatehouse init` in a fresh home directory",
            )
        )
    if uses_local_authority(settings):
        found.append(
            Finding(
                "HTTPS uses a certificate of the local authority",
                "set tls.certificate and tls.key to a certificate that browsers trust",
            )
        )
    return tuple(found)


def require_fit_for_production(runtime: Runtime) -> None:
    """Raise `NotReady` naming every finding when the profile is `production`."""
    if runtime.settings.server.profile != "production":
        return
    found = findings(runtime)
    if found:
        raise NotReady(
            "this deployment must not serve in production: "
            + "; ".join(finding.what for finding in found),
            *(finding.remedy for finding in found),
        )

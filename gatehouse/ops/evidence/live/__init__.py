"""Looks at one deployment, one look for each kind of result, and says of each whether it was had.

A look that cannot be taken is a result of its own, "not available" and why; it never becomes a good
one. What a look found wrong is shown as that and does not stop the others. No look may take along
who somebody is, what was said, or a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gatehouse.errors import GatehouseError, IntegrityError
from gatehouse.logs import get_logger, place_of
from gatehouse.ops.evidence.live import deployment, log, reports, rules, stack
from gatehouse.ops.evidence.live.result import Absent, Asked, Live

__all__ = ["LOOKS", "Absent", "Asked", "Live", "look", "look_at"]

logger = get_logger(__name__)

LOOKS: Final[Mapping[str, tuple[str, Callable[[Asked], Live]]]] = {
    "configuration": ("Settings and fitness for production", deployment.configuration),
    "accounts": ("Accounts and second factors, as numbers", deployment.accounts),
    "retention": ("Retention, purges and legal holds", deployment.retention),
    "keys": ("Key ring, root and mirror", deployment.keys),
    "clock": ("Synchronisation of the clock", deployment.clock),
    "audit": ("Verification of the audit log", log.verification),
    "activity": ("What the audit log recorded, by kind and month", log.activity),
    "policies": ("Rules in force, their tests and the page that is signed", rules.policies),
    "stack": ("Installed software", stack.installed),
    "sbom": ("Software bill of materials", reports.sbom),
    "advisories": ("Advisories about the software", reports.advisories),
    "tests": ("Tests of this very code", reports.tests),
    "selftest": ("Attacks on the running deployment", reports.selftest),
    "backup": ("Backups and the last drill", reports.backup),
    "doctor": ("State of host and parts", reports.doctor),
}
"""The looks by name, in the order in which they are shown."""


def look(asked: Asked, ticked: Callable[[str], object] = lambda name: None) -> Iterator[Live]:
    """Take every look; `ticked` is told the name of each that is over. Never raises for one of them."""
    for name in LOOKS:
        yield look_at(name, asked)
        ticked(name)


def look_at(name: str, asked: Asked) -> Live:
    """Take one look, by its name in `LOOKS`. Never raises."""
    about, take = LOOKS[name]
    try:
        found = take(asked)
    except Absent as absent:
        return Live(name, about, collected=False, why=str(absent))
    except IntegrityError as error:
        return Live(name, about, good=False, why=error.message)
    except GatehouseError as error:
        return Live(name, about, collected=False, why=error.message)
    except Exception as error:  # noqa: BLE001 - one broken look must not hide the others
        logger.error("a look for evidence failed", part=name, error=place_of(error))
        return Live(
            name,
            about,
            collected=False,
            why=f"the look failed unexpectedly ({type(error).__name__})",
        )
    return found.named(name, about)

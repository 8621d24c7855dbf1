"""One attack under way: whom it speaks as, and what it has checked so far."""

from __future__ import annotations

from gatehouse.ops.selftest.attack import Checks, NotRun, cannot
from gatehouse.ops.selftest.browser import Browser
from gatehouse.ops.selftest.site import Site
from gatehouse.ops.selftest.wire import Answer

__all__ = ["NotRun", "Trial", "cannot"]


class Trial:
    """What an attack is given."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._checks = Checks()

    @property
    def checks(self) -> int:
        return self._checks.made

    @property
    def found(self) -> tuple[str, ...]:
        return tuple(self._checks.found)

    def hold(self, held: bool, otherwise: str) -> bool:
        """Check something; `otherwise` is the finding when it did not hold. Returns `held`."""
        return self._checks.hold(held, otherwise)

    def refused(self, answer: Answer, what: str, *statuses: int) -> bool:
        """Check that `what` was refused with one of `statuses`."""
        wanted = " or ".join(map(str, statuses))
        return self.hold(
            answer.status in statuses, f"{what}: answered {answer.status} instead of {wanted}"
        )

    def stranger(self) -> Browser:
        """A browser in which nobody is signed in."""
        return self.site.stranger()

    @property
    def person(self) -> Browser:
        """A shared browser in which the test account is signed in; leave it so."""
        return self.site.person

    def fresh(self) -> Browser:
        """A browser of its own in which the test account is signed in."""
        return self.site.signed_in()

    @property
    def has_account(self) -> bool:
        return self.site.account is not None

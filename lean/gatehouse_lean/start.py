"""Started by `gatehouse_lean.pth` in every Python process of the environment.

So it must be cheap: it imports nothing and puts one object before the other finders, which waits for
the first import of Rasa or Sanic, then makes room for the real ones. It must never stop an
interpreter that has nothing to do with Rasa.
"""

from __future__ import annotations

import sys

# Adjusted module → the module of this package whose `adjust` does it.
ADJUSTERS = {
    "rasa": "gatehouse_lean.quiet",
    "rasa_sdk": "gatehouse_lean.quiet",
    "rasa.telemetry": "gatehouse_lean.telemetry",
    "rasa.engine.recipes.default_recipe": "gatehouse_lean.components",
    "rasa.core.run": "gatehouse_lean.channels",
    "rasa.core.constants": "gatehouse_lean.loopback",
    "rasa_sdk.endpoint": "gatehouse_lean.loopback",
    "sanic.response": "gatehouse_lean.sanic_response",
    "sanic.mixins.startup": "gatehouse_lean.sanic_startup",
}
AWAITED = {"rasa", "rasa_sdk", "sanic"}


class Doorbell:
    """A finder that finds nothing, until one of `AWAITED` is imported for the first time."""

    def find_spec(self, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
        """What the hooks find for `fullname`, once it is their turn; see importlib.abc."""
        if fullname not in AWAITED:
            return None
        from gatehouse_lean.after_import import AfterImportFinder
        from gatehouse_lean.placeholder import PlaceholderFinder

        adjusting = AfterImportFinder(ADJUSTERS)
        sys.meta_path[:] = [
            *(adjusting if finder is self else finder for finder in sys.meta_path),
            PlaceholderFinder(),
        ]
        return adjusting.find_spec(fullname, path, target)


def start() -> None:
    """Put the doorbell in its place. A second call changes nothing."""
    mine = ("Doorbell", "AfterImportFinder")
    if not any(type(finder).__name__ in mine for finder in sys.meta_path):
        sys.meta_path.insert(0, Doorbell())

"""The base of every error that Gatehouse raises on purpose.

An error has a message for the person who has to act on it and hints that say how. It never
carries message text, codes, keys or other people's data, because it may be logged.
"""

from __future__ import annotations


class GatehouseError(Exception):
    """Something was refused or could not be done.

    `hints` are short sentences that say what to do next; the command line prints them below the
    message. `exit_code` is the process exit code of a command that ends with this error
    (0 ok, 1 unexpected, 2 usage, 3 invalid input, 4 tests or gate failed, 5 integrity failure,
    6 environment not ready).
    """

    exit_code = 1

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints

    def diagnostics(self) -> str:
        """The message and its hints, one per line, as a terminal shows them."""
        return "\n".join([f"error: {self.message}", *(f"hint: {hint}" for hint in self.hints)])


class InvalidInput(GatehouseError):
    """What was given is not valid; nothing was changed."""

    exit_code = 3


class IntegrityError(GatehouseError):
    """Stored data is not what was written: altered, moved, truncated or under another key."""

    exit_code = 5


class NotReady(GatehouseError):
    """The environment lacks something that is needed first."""

    exit_code = 6


class Unavailable(GatehouseError):
    """A store that must answer before going on does not; the request is refused, nothing is lost."""

    exit_code = 6

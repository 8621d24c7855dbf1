"""Starts a server that also keeps, in a file, what it would have logged without the redaction.

`python -m tests.e2e.leaky gatehouse run …` or `… rasa run …`; the file is named by RAW_LOG. It is the
canary of the search in `test_logs`: what stands there is what Rasa, Sanic and SQLAlchemy try to log
of a conversation. An action fails with what was said when it hears the word `explode`.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from gatehouse.logs import redaction, takeover

RAW = open(os.environ["RAW_LOG"], "a", encoding="utf-8", errors="replace")  # noqa: SIM115
_plain = logging.Formatter("%(name)s %(levelname)s %(message)s")


def _keep(text: str) -> None:
    RAW.write(text + "\n")
    RAW.flush()


def make_record(
    name: str, level: int, path: str, line: int, msg: object, args: Any, failure: Any, *rest: Any
) -> logging.LogRecord:
    """As the real one, and the raw record goes to the file."""
    error = failure if not isinstance(failure, bool) else None
    raw = logging.LogRecord(name, level, path, line, msg, args, error)
    _keep(_plain.format(raw))
    return redaction.make_record(name, level, path, line, msg, args, failure, *rest)


def only_the_event(logger: Any, method: str, given: Any) -> Any:
    """As the real one, and the fields go to the file."""
    _keep(repr(given))
    return _only_the_event(logger, method, given)


_only_the_event = takeover._only_the_event
takeover.make_record = make_record  # type: ignore[assignment]
takeover._only_the_event = only_the_event


def _explode() -> None:
    from gatehouse.dialogue import guarded

    of_tracker = guarded.turn_of

    def turn_of(*arguments: Any) -> Any:
        turn = of_tracker(*arguments)
        if "explode" in turn.text:
            raise RuntimeError(f"could not do {turn.text} for {turn.person} with {turn.slots}")
        return turn

    guarded.turn_of = turn_of


def main() -> None:
    program, *arguments = sys.argv[1:]
    _explode()
    sys.argv = [program, *arguments]
    if program == "rasa":
        from rasa.__main__ import main as rasa
    else:
        from gatehouse.cli.main import main as rasa
    rasa()


if __name__ == "__main__":
    main()

"""The options that choose entries, the same for every command that reads several.

Who is meant is given as a user name or an id; the pseudonym is computed here and needs the key of that
person or conversation to live. What a line shows of a pseudonym or request id can be given back instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gatehouse.errors import InvalidInput

if TYPE_CHECKING:
    from gatehouse.audit.filters import Filter
    from gatehouse.runtime import Runtime

SHOWN = re.compile(r"[0-9a-f]{8,32}")
"""The beginning of a pseudonym, as `audit tail` shows it, or more of it."""

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--person", default="", help="User name, id, or shown pseudonym of a person."),
    click.option("--conversation", default="", help="Id or shown pseudonym of a conversation."),
    click.option("--intent", "intents", multiple=True, help="An intent; may be repeated."),
    click.option("--rule", "rules", multiple=True, help="A rule; may be repeated."),
    click.option(
        "--request-id",
        "requests",
        multiple=True,
        help="X-Request-Id of an answer, 8 characters or more; may be repeated.",
    ),
    click.option("--kind", "kinds", multiple=True, help="A kind of entry; may be repeated."),
    click.option("--since", default="", help="From this time on: 2026-11-25, …T14:00 (UTC), 7d."),
    click.option("--until", default="", help="Before this time."),
)


def choosing_options(command: F) -> F:
    """The options of `chosen`, as parameters of a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(
    runtime: Runtime,
    person: str,
    conversation: str,
    intents: tuple[str, ...],
    rules: tuple[str, ...],
    requests: tuple[str, ...],
    kinds: tuple[str, ...],
    since: str,
    until: str,
) -> Filter:
    """The filter that the options ask for. Raises `InvalidInput`."""
    from gatehouse.audit.filters import Filter, read_time
    from gatehouse.audit.log import KINDS

    for kind in kinds:
        if kind not in KINDS:
            raise InvalidInput(
                f"--kind: {kind!r} is not known", f"one of {', '.join(sorted(KINDS))}"
            )
    for request in requests:
        if len(request) < 8:
            raise InvalidInput(f"--request-id: {request!r} is too short", "8 characters or more")
    now = runtime.clock.now()
    return Filter(
        kinds=frozenset(kinds),
        intents=frozenset(intents),
        rules=frozenset(rules),
        requests=frozenset(requests),
        people=_person(runtime, person) if person else None,
        conversations=_pseudonyms(runtime, "conversation", conversation) if conversation else None,
        since=read_time(since, now, "--since"),
        until=read_time(until, now, "--until"),
    )


def _person(runtime: Runtime, name: str) -> frozenset[str]:
    try:
        known = runtime.directory.by_username(name)
    except InvalidInput:  # an id need not be a possible user name
        known = None
    return _pseudonyms(runtime, "person", known.id if known else name)


def _pseudonyms(runtime: Runtime, kind: str, identity: str) -> frozenset[str]:
    found = runtime.audit.pseudonyms(kind, identity)
    if not found and SHOWN.fullmatch(identity):
        return frozenset({identity})
    if not found:
        raise InvalidInput(
            f"no entry can be told to be about this {kind}",
            "there is none, or its pseudonym died with its key: by expiry or erasure",
        )
    return frozenset(found)

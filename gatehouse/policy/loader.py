"""Turns the files of a policy directory into a `PolicySet`, or into the list of all mistakes.

Reading, checking, coverage and the YAML tests are one step: a set that did not pass all of them
does not exist. Nothing here may keep a part of a broken directory.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatehouse.policy import cases, rules, vocabulary
from gatehouse.policy.document import Node, parse
from gatehouse.policy.domain import Domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Position, Problem, Problems
from gatehouse.policy.rules import Rule
from gatehouse.policy.sources import TESTS, Sources, read_directory
from gatehouse.policy.times import zone_of
from gatehouse.policy.vocabulary import FILE, INTENTS_FILE, Vocabulary

DEFAULT_ZONE = "Europe/Berlin"
# Where a mistake hides a rule, its id or the intents that it names. What only follows from a mistake is not reported:
# it would bury the mistake, and name files that nobody has touched.
_UNSAID = re.compile(r"(rules(\[\d+\](\.(id|intents|groups)(\[\d+\])?)?)?)?")


def load_directory(directory: Path, domain: Domain, zone: str = DEFAULT_ZONE) -> PolicySet:
    """The checked and tested policies of `directory`. Raises `PolicyInvalid`.

    `zone` is the time zone of rules that name none; a wrong one raises `InvalidInput`.
    """
    problems = Problems()
    sources = read_directory(directory, problems)
    return build(sources, domain, zone, problems)


def build(
    sources: Sources, domain: Domain, zone: str = DEFAULT_ZONE, problems: Problems | None = None
) -> PolicySet:
    """The checked and tested policies of `sources`. Raises `PolicyInvalid` with every mistake."""
    policies = build_untested(sources, domain, zone, problems)
    run_tests(policies)
    return policies


def build_untested(
    sources: Sources, domain: Domain, zone: str = DEFAULT_ZONE, problems: Problems | None = None
) -> PolicySet:
    """The checked policies of `sources`, for looking at only: their tests may fail.

    Raises `PolicyInvalid` with every mistake, also those of the tests' own files.
    """
    zone_of(zone)
    with _without_collection():
        return _build(sources, domain, zone, problems or Problems())


def run_tests(policies: PolicySet) -> None:
    """Run the policy tests beside the rules. Raises `PolicyTestsFailed` with those that fail."""
    with _without_collection():
        failed = cases.run(policies.tests, policies)
    if failed:
        raise PolicyTestsFailed(failed)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Everything that a load makes stays, so the garbage collector would look at it again and again:
    more than half of the time of a large directory."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _build(sources: Sources, domain: Domain, zone: str, problems: Problems) -> PolicySet:
    if not sources.files and problems.errors():
        raise PolicyInvalid(problems.errors())
    documents = _parse_all(sources, problems)
    unread = {name for name in sources.files if name not in documents}
    words, intents = (_take(sources, documents, name, problems) for name in (FILE, INTENTS_FILE))
    if words is None or intents is None:
        raise PolicyInvalid(problems.errors())
    vocabulary_ = vocabulary.read(words, intents, domain, zone, problems)
    found: list[Rule] = []
    for name, node in documents.items():
        if not name.startswith(f"{TESTS}/"):
            found.extend(rules.read_rules(node, vocabulary_, problems))
    _unique_ids(found, problems)
    whole = all(name.startswith(f"{TESTS}/") for name in unread) and not any(
        _UNSAID.fullmatch(item.path) for item in problems.errors()
    )
    if whole:
        _covered(found, vocabulary_, problems)
    tests = {name: node for name, node in documents.items() if name.startswith(f"{TESTS}/")}
    known = frozenset(rule.id for rule in found) if whole else None
    read = cases.read(tests, vocabulary_, known, problems)
    if problems.errors():
        raise PolicyInvalid(problems.errors())
    _warn(read, sources, problems)
    return PolicySet(vocabulary_, found, sources.revision, problems.warnings(), read)


class PolicyTestsFailed(PolicyInvalid):
    """The policies are well formed, but a policy test of theirs fails."""

    exit_code = 4

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems, "correct the rule, or the test if the change is wanted")


def _parse_all(sources: Sources, problems: Problems) -> dict[str, Node]:
    parsed = {
        name: parse(sources.shown(name), data, problems)
        for name, data in sorted(sources.files.items())
    }
    return {name: node for name, node in parsed.items() if node is not None}


def _take(
    sources: Sources, documents: dict[str, Node], name: str, problems: Problems
) -> Node | None:
    node = documents.pop(name, None)
    if node is None and name not in sources.files:
        where = Position(sources.shown(name))
        problems.add(where, "", "this file is missing", "it lists the words that rules may use")
    return node


def _unique_ids(found: list[Rule], problems: Problems) -> None:
    first: dict[str, Rule] = {}
    for rule in sorted(found, key=lambda item: item.where):
        if rule.id and rule.id in first:
            message = f"the id `{rule.id}` is used twice, first at {first[rule.id].where}"
            problems.add(rule.where, "", message, "give every rule its own id")
        first.setdefault(rule.id, rule)


def _warn(tests: tuple[cases.Case, ...], sources: Sources, problems: Problems) -> None:
    if not tests:
        where = Position(sources.shown(TESTS))
        problems.warn(
            where, "", "there are no policy tests", "they stop an edit that opens too much"
        )


def _covered(found: list[Rule], words: Vocabulary, problems: Problems) -> None:
    """Every intent of the domain is named by a rule; a sweeping one names nothing."""
    named: set[str] = set()
    for rule in found:
        if not rule.sweeping and rule.effect != "step_up":
            named |= rule.intents
    for name in sorted(words.domain.intents & words.intents.keys() - named):
        where = words.intents[name].where
        hint = "add it to a rule; to keep it closed, to one that denies"
        problems.add(where, f"intents.{name}", f"no rule says who may ask `{name}`", hint)

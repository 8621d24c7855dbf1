"""Policy tests: which decision is expected for people, intents and a context.

They lie in `tests/` beside the rules and run on every load, so an edit that breaks one never takes
effect. Every pair of a person and an intent that no test of the file names is expected to be
denied, which makes an unplanned permission visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gatehouse.policy.document import Node, is_scalar
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import Position, Problem, Problems
from gatehouse.policy.fields import Fields, join
from gatehouse.policy.model import Decision, Principal, Request
from gatehouse.policy.situations import ordinary, read_situation
from gatehouse.policy.vocabulary import Vocabulary

# From the widest to the strictest.
EFFECTS = ("allow", "step_up", "deny")
OUTCOMES = frozenset({"default"})
_TEST_KEYS = ("name", "people", "intents", "groups", "given", "expect", "at_most", "because", "say")


@dataclass(frozen=True, slots=True)
class Case:
    """One expected decision.

    With `bound` the decision may be stricter than `expect`: the test guards against an edit that
    widens access and lets one that narrows it pass. `because` is the id of the rule, `say` the
    response; empty means any.
    """

    where: Position
    path: str
    name: str
    person: str
    request: Request
    expect: str
    because: str = ""
    say: str = ""
    bound: bool = False


def read(
    documents: Mapping[str, Node],
    vocabulary: Vocabulary,
    rules: frozenset[str] | None,
    problems: Problems,
) -> tuple[Case, ...]:
    """The cases of all test files; mistakes go to `problems`.

    `rules` are the ids that a test may name, None when not all of them could be read.
    """
    found: list[Case] = []
    for node in documents.values():
        found.extend(_File(node, vocabulary, rules, problems).cases())
    return tuple(found)


def run(found: tuple[Case, ...], policies: PolicySet) -> tuple[Problem, ...]:
    """The cases that the policies decide otherwise."""
    problems = Problems()
    failed: list[Problem] = []
    for case in found:
        difference = _difference(case, policies.decide(case.request))
        if difference:
            message = f"{case.name}: {case.person} asks {case.request.intent}: {difference}"
            failed.append(Problem(case.where, case.path, message, "", "test"))
    problems.extend(failed)
    return problems.errors()


def _difference(case: Case, decision: Decision) -> str:
    got = f"{decision.effect} by `{decision.rule}`"
    too_much = EFFECTS.index(decision.effect) < EFFECTS.index(case.expect)
    if too_much or (decision.effect != case.expect and not case.bound):
        wanted = f"at most {case.expect}" if case.bound else case.expect
        return f"expected {wanted}, got {got} ({decision.reason})"
    if case.because and decision.rule != case.because:
        return f"expected `{case.because}` to decide, got {got}"
    if case.say and decision.say != case.say:
        return f"expected {case.say}, got {decision.say or 'nothing said'}"
    return ""


class _File:
    """Reads one test file."""

    def __init__(
        self, node: Node, vocabulary: Vocabulary, rules: frozenset[str] | None, problems: Problems
    ) -> None:
        self._fields = Fields(problems)
        self._vocabulary = vocabulary
        self._rules = None if rules is None else rules | OUTCOMES
        keys = ("version", "people", "given", "tests", "unlisted")
        self._node = node
        self._entries = self._fields.mapping(node, "", keys, ("version", "people", "tests"))
        self._fields.version(self._entries)
        self._people: dict[str, tuple[Principal, Node]] = {}

    def cases(self) -> list[Case]:
        """Every case of the file, with those of the pairs that are not listed."""
        if "people" not in self._entries or "tests" not in self._entries:
            return []
        self._people = self._read_people(self._entries["people"])
        base = ordinary(self._vocabulary)
        if "given" in self._entries:
            base = read_situation(
                self._fields, self._entries["given"], "given", base, self._vocabulary
            )
        found: list[Case] = []
        for item, path in self._fields.items(self._entries["tests"], "tests"):
            found.extend(self._test(item, path, base))
        return found + self._unlisted(found, base)

    def _read_people(self, node: Node) -> dict[str, tuple[Principal, Node]]:
        people: dict[str, tuple[Principal, Node]] = {}
        for name, below in self._fields.mapping(node, "people", None).items():
            path = join("people", name)
            keys = self._fields.mapping(
                below, path, ("roles", "department", "employment_type"), ("roles",)
            )
            roles = "roles" in keys and self._fields.names(
                keys["roles"], join(path, "roles"), self._vocabulary.roles.keys(), "role"
            )
            person = Principal(
                id=name,
                roles=frozenset(roles or ()),
                department=self._listed(keys, path, "department", "departments"),
                employment_type=self._listed(keys, path, "employment_type", "employment_types"),
            )
            people[name] = person, below
        return people

    def _listed(self, keys: dict[str, Node], path: str, key: str, words: str) -> str | None:
        if key not in keys:
            return None
        known = self._vocabulary.lists[words]
        return self._fields.choice(keys[key], join(path, key), known, key)

    def _test(self, node: Node, path: str, base: Request) -> list[Case]:
        keys = self._fields.mapping(node, path, _TEST_KEYS, ("name", "people"))
        name = keys.get("name") and self._fields.text(keys["name"], join(path, "name"))
        expect, bound = self._expected(node, keys, path)
        people = keys.get("people") and self._fields.names(
            keys["people"], join(path, "people"), self._people.keys(), "person"
        )
        intents = self._intents(node, keys, path)
        if "given" in keys:
            place = join(path, "given")
            base = read_situation(self._fields, keys["given"], place, base, self._vocabulary)
        because = "because" in keys and self._because(keys["because"], join(path, "because"))
        known = self._vocabulary.domain.responses
        say = "say" in keys and self._fields.choice(
            keys["say"], join(path, "say"), known, "response"
        )
        return [
            Case(
                where=node.where,
                path=path,
                name=name or "",
                person=person,
                request=with_person(base, self._people[person][0], intent),
                expect=expect,
                bound=bound,
                because=because or "",
                say=say or "",
            )
            for person in people or ()
            for intent in intents
        ]

    def _because(self, node: Node, path: str) -> str | None:
        if self._rules is None:
            return self._fields.text(node, path)
        return self._fields.choice(node, path, self._rules, "rule")

    def _expected(self, node: Node, keys: dict[str, Node], path: str) -> tuple[str, bool]:
        given = [key for key in ("expect", "at_most") if key in keys]
        if len(given) != 1:
            hint = "`expect` is exact, `at_most` accepts what is stricter"
            self._fields.wrong(node, path, "one of `expect` and `at_most` is needed", hint)
            return "deny", False
        found = self._fields.choice(keys[given[0]], join(path, given[0]), EFFECTS, "effect")
        return found or "deny", given[0] == "at_most"

    def _intents(self, node: Node, keys: dict[str, Node], path: str) -> list[str]:
        found: set[str] = set()
        if "intents" in keys:
            if is_scalar(keys["intents"]) and keys["intents"].text == "all":
                return sorted(self._vocabulary.intents)
            known = self._vocabulary.intents.keys()
            place = join(path, "intents")
            found.update(self._fields.names(keys["intents"], place, known, "intent") or ())
        if "groups" in keys:
            groups = self._vocabulary.groups
            place = join(path, "groups")
            names = self._fields.names(keys["groups"], place, groups.keys(), "group")
            found.update(*(groups[name] for name in names or ()))
        if "intents" not in keys and "groups" not in keys:
            self._fields.wrong(node, path, "the test names no intents", "add `intents:`")
        return sorted(found)

    def _unlisted(self, listed: list[Case], base: Request) -> list[Case]:
        wanted = "denied"
        if "unlisted" in self._entries:
            choices = ("denied", "not_tested")
            wanted = (
                self._fields.choice(self._entries["unlisted"], "unlisted", choices, "choice")
                or wanted
            )
        if wanted != "denied":
            return []
        pairs = {(case.person, case.request.intent) for case in listed}
        return [
            Case(
                where=below.where,
                path=join("people", name),
                name="not listed, so it is expected to be denied",
                person=name,
                request=with_person(base, person, intent),
                expect="deny",
            )
            for name, (person, below) in self._people.items()
            for intent in sorted(self._vocabulary.intents)
            if (name, intent) not in pairs
        ]


def with_person(request: Request, person: Principal, intent: str) -> Request:
    """`request` asked by `person` with another intent."""
    return replace(request, principal=person, intent=intent)

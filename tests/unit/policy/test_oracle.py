"""An engine that was not written here decides the same, on thousands of generated requests.

Random rules and requests, the same in every run; Cedar answers each request, and so do the compiled
rules. What both must agree on is the whole effect: allowed, allowed after a code, or denied.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML

from gatehouse.policy import PolicySet, Principal, Request, load_directory, read_domain
from tests.unit.policy import cedar
from tests.unit.policy.cedar import World
from tests.unit.policy.conftest import INTENTS, VOCABULARY

ROOT = Path(__file__).parents[3]
ZONES = ("Europe/Berlin", "America/New_York")
START = datetime(2027, 3, 1, tzinfo=ZoneInfo("Europe/Berlin"))
PROTECTION = ("public", "internal", "confidential", "restricted")
RULE_SETS, REQUESTS_OF_EACH = 104, 100


def plain(text: str) -> Any:
    """YAML as a library reads it; dates stay text."""
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.yaml_constructors.pop("tag:yaml.org,2002:timestamp", None)
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))
    return yaml.load(text)


SMALL = World(plain(VOCABULARY), plain(INTENTS)["intents"])


class Dice:
    """Random rules and requests in the words of a world."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.slots = ("topic",)

    def some(self, words: Sequence[Any], most: int = 2) -> Any:
        """One word, or a list of a few."""
        count = self.random.randint(1, min(most, len(words)))
        found = self.random.sample(list(words), count)
        return found[0] if count == 1 and self.random.random() < 0.5 else found

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def rule(self, number: int) -> dict[str, Any]:
        effect = self.random.choice(("allow", "allow", "deny", "step_up"))
        rule: dict[str, Any] = {"id": f"r{number}", "why": "A reason.", "effect": effect}
        names = [name for name in self.world.intents if name not in _COMMANDS]
        if effect != "allow" and self.often(0.1):
            rule["intents"] = "all"
        elif self.often(0.2):
            groups = {
                g for info in self.world.intents.values() for g in cedar.listed(info["groups"])
            }
            rule["groups"] = self.some(sorted(groups))
        else:
            rule["intents"] = self.some(names)
        roles = list(self.world.words["roles"])
        if effect != "allow" and self.often(0.2):
            rule["except_roles"] = self.some(roles)
        elif effect == "allow" or self.often(0.7):
            rule["roles"] = "any" if self.often(0.2) else self.some(roles)
        when = self.when(rule)
        if when:
            rule["when"] = when
        if effect == "step_up" or (effect == "allow" and self.often(0.5)):
            rule["step_up"] = self.terms(rule)
        if self.often(0.15):
            rule["valid_from"] = f"2027-03-0{self.random.randint(1, 4)}"
        if self.often(0.15):
            rule["valid_until"] = f"2027-03-0{self.random.randint(4, 7)}"
        return rule

    def when(self, rule: dict[str, Any]) -> dict[str, Any]:
        pick, found = self.random, {}
        if self.often(0.6):
            found["subject"] = self.some(cedar.SUBJECTS)
        for name, words in cedar.LISTED.items():
            if self.world.words.get(words) and self.often(0.1):
                found[name] = self.some(self.world.words[words])
        if self.often(0.15):
            span = pick.choice(("06:00-18:00", "22:00-06:00", "00:00-12:00", "12:00-24:00"))
            zone = pick.choice(("", f" {ZONES[0]}", f" {ZONES[1]}"))
            found["hours"] = span + zone
        if self.often(0.15):
            found["weekdays"] = pick.choice(("mon-fri", "fri-mon", ["sat", "sun"], "wed"))
        if self.often(0.1):
            found["session_age"] = pick.choice(
                ({"max": "10m"}, {"min": "30s"}, {"min": "5m", "max": "10m"})
            )
        if self.often(0.1):
            found["aal"] = pick.choice(({"min": 2}, {"max": 1}))
        if self.often(0.1):
            found["aal_age"] = pick.choice(({"max": "1m"}, {"min": "5m"}))
        for name in ("confidence", "margin"):
            if self.often(0.1):
                found[name] = pick.choice(({"min": 0.5}, {"max": 0.2}, {"min": 0.1, "max": 0.9}))
        for name in ("refusals", "failed_codes"):
            if self.often(0.1):
                found[name] = pick.choice(({"min": 1}, {"max": 2}))
        for name in ("served", "not_served"):
            if self.often(0.1):
                found[name] = self.some(list(self.world.intents))
        if self.slots and self.often(0.1):
            found["slots"] = {self.slots[0]: self.some(("pay", "none", "x"))}
        record = self.record(rule)
        if record:
            found["resource"] = record
        return found

    def record(self, rule: dict[str, Any]) -> dict[str, Any]:
        kinds = [self.world.intents[name].get("attributes", {}) for name in self.world.named(rule)]
        shared = set(kinds[0]).intersection(*kinds) if kinds else set()
        found: dict[str, Any] = {}
        for name in sorted(shared):
            kind = kinds[0][name]
            if any(other[name] != kind for other in kinds) or not self.often(0.4):
                continue
            found[name] = {
                "number": self.random.choice(({"max": 100}, {"min": 95.5}, [90, 100])),
                "text": self.some(("DE", "FR", "annual")),
                "truth": self.random.choice((True, False)),
            }[kind]
        return found

    def terms(self, rule: dict[str, Any]) -> dict[str, Any]:
        terms: dict[str, Any] = {
            "level": "aal2",
            "max_age": self.random.choice(("5m", "1m", "every_request")),
        }
        values = [set(self.world.intents[n].get("values", [])) for n in self.world.named(rule)]
        shared = sorted(set.intersection(*values)) if values else []
        if shared and self.often(0.4):
            terms["bind"] = shared[:1]
        return terms

    def maybe(self, value: Any) -> Any:
        """The fact; now and then not known."""
        return None if self.often(0.12) else value

    def moment(self) -> timedelta:
        """A time within a week, often at the very edge of a span of hours in one of the zones."""
        edge = self.random.choice((0, 360, 720, 1080, 1320)) + self.random.choice((-1, 0, 1))
        minutes = edge if self.often(0.5) else self.random.randint(0, 1439)
        return timedelta(days=self.random.randint(0, 6), minutes=minutes)

    def request(self) -> Request:
        pick, words = self.random, self.world.words
        roles = list(words["roles"])
        listed = {name: [*words.get(kind, []), "unlisted"] for name, kind in cedar.LISTED.items()}
        attributes = {
            "amount": 90 + pick.randint(0, 20),
            "country": pick.choice(("DE", "FR")),
            "urgent": pick.choice((True, False)),
            "days": pick.randint(1, 120),
        }
        return Request(
            principal=Principal(
                "p-1",
                frozenset(pick.sample(roles, pick.randint(0, min(2, len(roles))))),
                self.maybe(pick.choice(listed["department"])),
                self.maybe(pick.choice(listed["employment_type"])),
            ),
            intent=pick.choice(list(self.world.intents)),
            at=self.maybe(START + self.moment()),
            subject=self.maybe(pick.choice((*cedar.SUBJECTS, "self", "self", "all"))),
            resource={n: v for n, v in attributes.items() if self.often(0.8)},
            channel=self.maybe(pick.choice(listed["channel"])),
            network_zone=self.maybe(pick.choice(listed["network_zone"])),
            session_age=self.maybe(pick.randint(0, 1200)),
            aal=self.maybe(pick.choice((1, 2, 2))),
            aal_age=self.maybe(pick.choice((0, 30, 59, 60, 61, 299, 300, 301))),
            confidence=self.maybe(pick.randint(0, 20) / 20),
            margin=self.maybe(pick.randint(0, 20) / 20),
            runners_up=self.maybe(
                tuple(
                    (pick.choice(list(self.world.intents)), pick.randint(0, 20) / 20)
                    for _ in range(pick.choice((0, 0, 0, 1, 2)))
                )
            ),
            refusals=self.maybe(pick.randint(0, 4)),
            failed_codes=self.maybe(pick.randint(0, 3)),
            served=self.maybe(frozenset(pick.sample(list(self.world.intents), pick.randint(0, 2)))),
            slots={
                name: pick.choice(("pay", "none", "x")) for name in self.slots if self.often(0.85)
            },
            stage=pick.choice(("intent", "resource")),
        )


_COMMANDS = ("restart", "back", "session_start", "out_of_scope", "nlu_fallback")


class Oracle:
    """Cedar with the rules of one set."""

    def __init__(self, rules: list[dict[str, Any]], world: World) -> None:
        self.world = world
        self.policies = cedar.translated(rules, world)
        self.known = cedar.entities(world)

    def effects(self, requests: list[Request]) -> list[str]:
        """What Cedar makes of each request; runners-up are asked about one by one."""
        asked: list[dict[str, Any]] = []
        for request in requests:
            asked += [cedar.question(request, action, ZONES) for action in ("granted", "free")]
            for name in self.near(request):
                other = replace(request, intent=name, subject=self.world.intents[name]["about"])
                asked += [cedar.question(other, action, ZONES) for action in ("granted", "near")]
        found = iter(cedar.answers(asked, self.policies, self.known))
        return [self.effect(request, found) for request in requests]

    def effect(self, request: Request, found: Iterator[bool]) -> str:
        own = _effect(next(found), next(found))
        others = [_effect(next(found), next(found)) for _ in self.near(request)]
        return max([own, *others], key=("allow", "step_up", "deny").index)

    def near(self, request: Request) -> list[str]:
        """The more protected intents that the message may mean as well."""
        settings = self.world.words["runner_up"]
        if request.stage != "intent" or request.intent in cedar.listed(settings.get("except")):
            return []
        names = set(self.world.intents)
        if request.runners_up is not None:
            won = request.confidence
            names = {
                n
                for n, sure in request.runners_up
                if won is None or won - sure <= settings["margin"]
            }
        return sorted(name for name in names if self.rank(name) > self.rank(request.intent))

    def rank(self, name: str) -> int:
        return PROTECTION.index(self.world.intents[name]["protection"])


def _effect(granted: bool, free: bool) -> str:
    return "deny" if not granted else "allow" if free else "step_up"


def compare(policies: PolicySet, oracle: Oracle, requests: list[Request]) -> Counter[str]:
    """Both decide `requests`; how often which effect came out."""
    expected = oracle.effects(requests)
    for request, effect in zip(requests, expected, strict=True):
        decision = policies.decide(request)
        assert effect == decision.effect, (request, decision)
    return Counter(expected)


def as_yaml(rules: list[dict[str, Any]]) -> str:
    """Rules as a person writes them."""
    import json

    return "".join(f"  - {json.dumps(rule)}\n" for rule in rules)


def test_cedar_agrees_on_generated_policies(compiled: Any) -> None:
    """On every request of every random set of rules both engines say the same."""
    outcomes: Counter[str] = Counter()
    fixed = [
        {"id": "never", "effect": "deny", "groups": "command"},
        {"id": "talk", "effect": "allow", "groups": "talk", "roles": "any"},
        {
            "id": "rest",
            "effect": "allow",
            "groups": ["pay", "team"],
            "roles": "contractor",
            "when": {"subject": "anyone"},
        },
    ]
    for seed in range(RULE_SETS):
        dice = Dice(SMALL, seed)
        rules = [dice.rule(number) for number in range(dice.random.randint(1, 12))]
        policies = compiled(as_yaml(rules))
        requests = [dice.request() for _ in range(REQUESTS_OF_EACH)]
        outcomes += compare(policies, Oracle([*rules, *fixed], SMALL), requests)
    assert RULE_SETS * REQUESTS_OF_EACH == sum(outcomes.values()) >= 10_000
    # A comparison in which everything is refused would prove nothing.
    assert all(outcomes[effect] > 300 for effect in ("allow", "step_up", "deny")), outcomes


def test_cedar_agrees_on_the_shipped_policies() -> None:
    """The rules that come with the assistant, over random requests."""
    folder = ROOT / "policies"
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))}
    words = plain(texts.pop("vocabulary.yml"))
    world = World(words, plain(texts.pop("intents.yml"))["intents"])
    rules = [rule for text in texts.values() for rule in plain(text)["rules"]]
    policies = load_directory(folder, read_domain(ROOT / "domain.yml"))
    assert len(policies.rules) == len(rules)
    dice = Dice(world, 1)
    requests = [dice.request() for _ in range(3000)]
    outcomes = compare(policies, Oracle(rules, world), requests)
    assert all(outcomes[effect] > 30 for effect in ("allow", "step_up", "deny")), outcomes


@pytest.mark.parametrize("effect", ["allow", "deny"])
def test_the_oracle_can_disagree(compiled: Any, effect: str) -> None:
    """A rule that only one of the two engines has is noticed, so the comparison is not empty."""
    rule = {
        "id": "one",
        "why": "A reason.",
        "effect": effect,
        "intents": "view_pay",
        "roles": "employee",
    }
    policies = compiled(as_yaml([rule]))
    dice = Dice(SMALL, 7)
    request = replace(
        dice.request(),
        intent="view_pay",
        stage="resource",
        runners_up=(),
        principal=Principal("p", frozenset({"employee", "contractor"})),
        subject="anyone",
    )
    fixed = {
        "id": "x",
        "effect": "allow" if effect == "deny" else "deny",
        "intents": "view_pay",
        "roles": "employee",
    }
    with pytest.raises(AssertionError):
        compare(policies, Oracle([fixed], SMALL), [request])

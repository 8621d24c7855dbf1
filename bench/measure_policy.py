"""One policy decision, the load of a directory, and the comparison of two, for 10 to 10 000 rules.

The rules are spread over 50 intents and 20 roles, so that with 10 000 of them some hundred concern one
person and intent. (With 10 rules most requests meet one rule or none: a figure for scale, not for flatness.) The requests are random within the vocabulary; every decision is a fresh request after
`WARM_UP` others, and the time is that of `PolicySet.decide` alone. Beside it stands the time from saving a file to its effect
in a store that looks as often as the server does.
"""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import Report
from gatehouse.clock import SystemClock
from gatehouse.policy import Domain, PolicySet, PolicyStore, Principal, Request, load_directory

SIZES = (10, 1_000, 10_000)
INTENTS = [f"view_{number}" for number in range(50)]
ROLES = [f"role_{number}" for number in range(20)]
DEPARTMENTS = [f"department-{number}" for number in range(30)]
DECISIONS = 4_000
WARM_UP = 20_000  # decisions after which most of what conditions tell apart was seen once
EDITS = 7
LOOK = 0.5  # seconds between two looks of the server, gatehouse.channel.housekeeping
DOMAIN = Domain.of(frozenset(INTENTS), frozenset({"utter_refused", "utter_unclear"}))
START = datetime(2027, 3, 1, tzinfo=UTC)

VOCABULARY = """\
version: 1
roles:
{roles}
departments: [{departments}]
channels: [web, kiosk]
network_zones: [local, internal, external]
refusal: utter_refused
runner_up: {{margin: 0.1, say: utter_unclear}}
"""


def measure(report: Report) -> None:
    medians = {}
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        for size in SIZES:
            directory = Path(name) / f"policies-{size}"
            write(directory, size)
            began = time.perf_counter()
            policies = load_directory(directory, DOMAIN)
            seconds = time.perf_counter() - began
            if size == SIZES[-1]:
                report.at_most(f"policy: load {size:,} rules", seconds, 2, unit="s")
            else:
                report.note(f"policy: load {size:,} rules", seconds, unit="s")
            medians[size], slow = decisions(policies)
            report.at_most(
                f"policy: a decision, {size:,} rules, median", medians[size], 20, unit="µs"
            )
            report.note(f"policy: a decision, {size:,} rules, 99th percentile", slow, unit="µs")
        report.compare(
            "policy: a decision, ten times the rules", medians[SIZES[2]], medians[SIZES[1]],
            reach=1.5, unit="µs",
        )  # fmt: skip
        report.at_most(
            "policy: from saving an edit to its effect, slowest", edits(Path(name)), 2, unit="s"
        )


def write(directory: Path, size: int) -> None:
    """A directory with `size` rules in files of at most a thousand."""
    directory.mkdir()
    dice = random.Random(size)
    roles = "\n".join(f"  {name}: {{about: A role.}}" for name in ROLES)
    words = VOCABULARY.format(roles=roles, departments=", ".join(DEPARTMENTS))
    (directory / "vocabulary.yml").write_text(words, encoding="utf-8")
    built_in = sorted(DOMAIN.intents - set(INTENTS))
    lines = [
        f"  {name}: {{about: self, groups: all, protection: internal}}"
        for name in [*INTENTS, *built_in]
    ]
    (directory / "intents.yml").write_text(
        "\n".join(["version: 1", "intents:", *lines, ""]), encoding="utf-8"
    )
    # One rule covers every intent; the others follow it.
    everything = f"[{', '.join([*INTENTS, *built_in])}]"
    cover = f"id: cover, why: Covers all., effect: allow, intents: {everything}, roles: role_0"
    rules = [f"  - {{{cover}, when: {{subject: self}}}}"]
    rules += [rule(dice, number) for number in range(size - 1)]
    head = "version: 1\nowner: bench\nrules:\n"
    for start in range(0, len(rules), 1000):
        text = head + "\n".join(rules[start : start + 1000]) + "\n"
        (directory / f"rules-{start // 1000}.yml").write_text(text, encoding="utf-8")


def rule(dice: random.Random, number: int) -> str:
    effect = dice.choice(("allow", "allow", "allow", "deny", "step_up"))
    when = {
        "subject": dice.choice(("self", "team", "[self, team]")),
        "department": f"[{', '.join(dice.sample(DEPARTMENTS, 2))}]",
        "network_zone": dice.choice(("internal", "[local, internal]", "external")),
        "hours": f'"{dice.randint(5, 9):02}:00-{dice.randint(15, 22)}:00"',
        "session_age": f"{{max: {dice.randint(5, 60)}m}}",
    }
    keys = dice.sample(sorted(when), dice.randint(1, 3))
    conditions = ", ".join(f"{key}: {when[key]}" for key in keys)
    terms = ", step_up: {level: aal2, max_age: 5m}" if effect == "step_up" else ""
    return (
        f"  - {{id: r{number}, why: A reason., effect: {effect}, intents: {dice.choice(INTENTS)}, "
        f"roles: [{', '.join(dice.sample(ROLES, 2))}], when: {{{conditions}}}{terms}}}"
    )


def decisions(policies: PolicySet) -> tuple[float, float]:
    """Median and 99th percentile of one decision, in microseconds."""
    dice = random.Random(1)
    for _ in range(WARM_UP):
        policies.decide(request(dice))
    requests = [request(dice) for _ in range(DECISIONS)]
    taken = []
    gc.disable()
    for asked in requests:
        began = time.perf_counter_ns()
        policies.decide(asked)
        taken.append((time.perf_counter_ns() - began) / 1000)
    gc.enable()
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def request(dice: random.Random) -> Request:
    return Request(
        Principal("p", frozenset(dice.sample(ROLES, 2)), dice.choice(DEPARTMENTS)),
        dice.choice(INTENTS),
        START + timedelta(minutes=dice.randint(0, 10_000)),
        subject=dice.choice(("self", "team", "anyone")),
        channel="web",
        network_zone=dice.choice(("local", "internal", "external")),
        session_age=float(dice.randint(0, 3600)),
        aal=dice.choice((1, 2)),
        aal_age=float(dice.randint(0, 600)),
        confidence=0.9,
        margin=0.5,
        runners_up=(),
        refusals=0,
        failed_codes=0,
        served=frozenset(),
    )


def edits(home: Path) -> float:
    """The longest time from saving an edit of a thousand rules to its effect, in seconds."""
    directory = home / f"policies-{SIZES[1]}"
    store = PolicyStore(directory, DOMAIN, SystemClock(), home / "state", b"k" * 32)
    path = directory / "edited.yml"
    asked = request(random.Random(2))
    slowest = 0.0
    looked = time.perf_counter()
    for number in range(EDITS):
        effect = "deny" if number % 2 == 0 else "step_up"
        terms = "" if effect == "deny" else ", step_up: {level: aal2, max_age: 5m}"
        before = store.current().revision
        time.sleep(0.1 * number)  # saved at another moment between two looks each time
        saved = time.perf_counter()
        path.write_text(
            "version: 1\nowner: bench\nrules:\n"
            f"  - {{id: edited, why: A reason., effect: {effect}, intents: {asked.intent}{terms}}}\n",
            encoding="utf-8",
        )
        while store.current().revision == before:
            time.sleep(max(0.0, looked + LOOK - time.perf_counter()))
            looked = time.perf_counter()
            store.poll()
        slowest = max(slowest, time.perf_counter() - saved)
    return slowest

"""The questions that the policy engine answers, and its answers.

Everything a decision may depend on is in a `Request`; `None` means *not known*, never *no*. These
types carry no behaviour, so that a decision cannot depend on anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from gatehouse.policy.errors import Position

Value = str | int | float | bool
Effect = Literal["allow", "deny", "step_up"]
Ask = Literal["at_once", "at_confirmation"]
Stage = Literal["intent", "resource"]

SUBJECTS = ("self", "team", "anyone", "nobody")
PROTECTION = ("public", "internal", "confidential", "restricted")
LEVELS = ("aal1", "aal2", "aal2-phishing-resistant")
LEVEL_NUMBER: Mapping[str, int] = MappingProxyType(
    {name: number for number, name in enumerate(LEVELS, start=1)}
)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Roles that the policies do not know give nothing."""

    id: str
    roles: frozenset[str]
    department: str | None = None
    employment_type: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question: may this principal do this, now, from here?

    `stage` is `intent` when only the intent is known (the dialogue policy) and `resource` when the
    concrete record is (the guarded action). At the intent stage a missing `subject` is what
    `intents.yml` says the intent is about, and conditions on `resource` are left to the second
    stage. At the resource stage a missing subject or attribute fails closed. The default is the
    strict one.

    `at` is aware; `session_age` and `aal_age` are seconds; `confidence` and those of `runners_up`
    (intent, confidence) are 0 to 1, and so is `margin`, the lead over the best of them. `runners_up`
    empty means *there are none*, None *not known*. `refusals` and `failed_codes` count the last hour
    of the conversation, `served` the intents carried out in it before this message. A slot that is known to be unset is the empty text; one that is absent is not known.
    """

    principal: Principal
    intent: str
    at: datetime | None
    subject: str | None = None
    resource: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    channel: str | None = None
    network_zone: str | None = None
    session_age: float | None = None
    aal: int | None = None
    aal_age: float | None = None
    confidence: float | None = None
    margin: float | None = None
    runners_up: tuple[tuple[str, float], ...] | None = None
    refusals: int | None = None
    failed_codes: int | None = None
    served: frozenset[str] | None = None
    slots: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    stage: Stage = "resource"


@dataclass(frozen=True, slots=True)
class StepUpTerms:
    """What a second factor must be like.

    `max_age` is the age in seconds up to which an earlier one counts; 0 means a new one for every
    request. `bind` names the values that the person approves with the code. `ask` says whether the
    code is asked for at once or when the person confirms.
    """

    level: str
    max_age: int
    bind: tuple[str, ...] = ()
    ask: Ask = "at_once"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `say` names a response of the domain, empty when nothing is refused.

    `rule` is the id of the rule that decided, or `default` (no rule allows it), `unknown-intent`,
    or `error`. `indeterminate` names the facts that were missing where they mattered; `pending`
    those that only the resource stage knows.
    """

    effect: Effect
    rule: str
    say: str
    reason: str
    revision: str
    step_up: StepUpTerms | None = None
    indeterminate: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The decision for `--json` and records."""
        terms = self.step_up
        return {
            "effect": self.effect,
            "rule": self.rule,
            "say": self.say,
            "reason": self.reason,
            "revision": self.revision,
            "step_up": terms
            and {
                "level": terms.level,
                "max_age": terms.max_age,
                "bind": list(terms.bind),
                "ask": terms.ask,
            },
            "indeterminate": list(self.indeterminate),
            "pending": list(self.pending),
        }


@dataclass(frozen=True, slots=True)
class IntentInfo:
    """What `intents.yml` says about an intent.

    `about` is whose data it concerns by construction; `protection` one of `PROTECTION`;
    `values` the values a code can be bound to; `attributes` the facts about the record that the
    guarded action supplies, with their type (`text`, `number`, `truth`); `retention` the name of a
    retention class, None for the one that the settings give; `where` the place in the file.
    """

    name: str
    about: str
    groups: tuple[str, ...]
    protection: str
    values: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    retention: str | None = None
    where: Position = field(default=Position(""), compare=False)

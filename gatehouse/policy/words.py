"""Rules in plain English, for those who sign them.

A sentence is made from the compiled rule, so it cannot tell another story than the decision. It
must leave nothing out: whoever reads only the sentence has read the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gatehouse.policy.cuts import Between, OneOf
from gatehouse.policy.model import StepUpTerms
from gatehouse.policy.rules import Rule
from gatehouse.policy.verdicts import Clause
from gatehouse.policy.vocabulary import Vocabulary

SUBJECTS = {
    "self": "their own data",
    "team": "the data of their team",
    "anyone": "the data of somebody else",
    "nobody": "nobody's data",
}
_FACTORS = {
    "aal1": "a code, one by e-mail too,",
    "aal2": "a code",
    "aal2-phishing-resistant": "a passkey",
}
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def rule_sentence(
    rule: Rule, vocabulary: Vocabulary, responses: Mapping[str, str] | None = None
) -> str:
    """The rule as one or two sentences; `responses` are the texts of the domain, if at hand."""
    what = _intents(rule, vocabulary.groups, "anything" if rule.effect == "deny" else "everything")
    who = _who(rule, vocabulary)
    when = [clause_words(clause) for clause in rule.clauses]
    condition = f" if {listed(when, 'and')}" if when else ""
    if rule.effect == "allow":
        only = condition.replace(" if ", ", but only if ", 1)
        after = f", after {terms_words(rule.step_up)}" if rule.step_up else ""
        return f"{who} may use {what}{only}{after}."
    if rule.effect == "step_up":
        terms = terms_words(rule.step_up) if rule.step_up else "a code"
        people = who[0].lower() + who[1:]
        return f"For {what}{condition}, {people} need {terms}, if another rule allows it at all."
    text = (responses or {}).get(rule.say)
    said = f"“{text}”" if text else rule.say
    refusal = "Nobody may" if who == "All people" else f"{who} may not"
    return f"{refusal} use {what}{condition}. The answer is: {said}"


def clause_words(clause: Clause) -> str:
    """One condition."""
    cuts = clause.cuts
    if clause.fact == "subject" and isinstance(cuts, OneOf):
        about = [words for name, words in SUBJECTS.items() if name in cuts.values]
        return f"it is about {listed(about)}"
    if clause.fact == "session_age" and isinstance(cuts, Between):
        low, high = cuts.low, cuts.high
        least = f"at least {duration(low)}" if low > 0 else ""
        most = f"at most {duration(high)}" if high < float("inf") else ""
        return f"they signed in {' and '.join(filter(None, (least, most)))} ago"
    return clause.words


def terms_words(terms: StepUpTerms) -> str:
    """What the second factor must be like."""
    words = _FACTORS[terms.level]
    if terms.bind:
        words += f" that approves exactly this {listed([_plain(n) for n in terms.bind], 'and')}"
    elif terms.max_age:
        words += f" not older than {duration(terms.max_age)}"
    else:
        words += " for every single request"
    return words + (", asked for when they confirm" if terms.ask == "at_confirmation" else "")


def duration(seconds: float) -> str:
    """`90 seconds`, `5 minutes`, `2 days`: in the largest unit that fits."""
    for name, size in _UNITS:
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"


def listed(words: Collection[str], last: str = "or") -> str:
    """`a, b or c`."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def _who(rule: Rule, vocabulary: Vocabulary) -> str:
    if rule.except_roles:
        return f"People without the role {listed(sorted(rule.except_roles))}"
    if rule.roles is None or rule.roles >= vocabulary.roles.keys():
        return "All people"
    return f"People with the role {listed(sorted(rule.roles))}"


def _intents(rule: Rule, groups: Mapping[str, frozenset[str]], every: str) -> str:
    if rule.sweeping:
        return "any request"
    named: list[str] = []
    left = set(rule.intents)
    for name, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(members) > 1 and members <= rule.intents and members & left:
            left -= members
            named.append(f"{every} about {_plain(name)} ({', '.join(sorted(members))})")
    return listed([*named, *sorted(left)], "and")


def _plain(name: str) -> str:
    return name.replace("_", " ")

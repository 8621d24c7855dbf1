"""Every requirement of one catalogue: what is claimed, where, what shows it, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from gatehouse.ops.evidence.assessment import Assessed, Assessment
from gatehouse.ops.evidence.mapping import Framework
from gatehouse.ops.evidence.pages.layout import CAUTION, document, name_of, pill, prose, status_pill

_KINDS = {
    "passed": "good",
    "good": "good",
    "shown": "good",
    "remarks": "partly",
    "shown in part": "partly",
    "by document": "plain",
    "collected": "plain",
    "failed": "bad",
    "bad": "bad",
}


def requirements_page(found: Assessment, framework: Framework) -> bytes:
    """The page of one framework."""
    return document(framework.title, _body(found, framework))


def _body(found: Assessment, framework: Framework) -> Iterator[str]:
    groups: dict[str, list[Assessed]] = {}
    for one in found.of(framework.name):
        groups.setdefault(one.claim.group, []).append(one)
    yield '<header><p class="back"><a href="index.html">Evidence</a></p>'
    yield f"<h1>{escape(framework.title)}</h1>"
    yield f'<p class="lead">{escape(framework.version)}, in our own words. '
    yield f'The requirements themselves: <a href="{escape(framework.source)}">{escape(framework.source)}</a></p>'
    yield f'</header><main><p class="caution">{CAUTION}</p>'
    if len(groups) > 1:
        yield "<nav aria-label=Groups><ul class=counts>"
        for number, group in enumerate(groups):
            yield f'<li><a href="#group-{number}">{escape(group)}</a></li>'
        yield "</ul></nav>"
    for number, (group, requirements) in enumerate(groups.items()):
        yield f'<section id="group-{number}"><h2>{escape(group)}</h2>'
        for one in requirements:
            yield from _requirement(one)
        yield "</section>"
    yield "</main>"


def _requirement(one: Assessed) -> Iterator[str]:
    claim = one.claim
    level = f" <small>level {claim.level}</small>" if claim.level else ""
    yield f'<article class="{claim.status}" id="{name_of(claim.id)}"><h3>{escape(claim.id)}{level}</h3>'
    yield f"<p>{status_pill(claim.status)}"
    if claim.status in ("met", "partly"):
        yield f" {pill(one.last, _KINDS.get(one.last, 'absent'))}"
    yield "</p>"
    for word, text in (
        ("", claim.how),
        ("Does not apply: ", claim.why),
        ("Not met: ", claim.gap),
        ("Whoever runs it: ", claim.customer),
    ):
        if text:
            yield f"<p><b>{word}</b>{prose(text)}</p>" if word else f"<p>{prose(text)}</p>"
    yield from _named("Where", claim.where)
    yield from _ended("Tests", one.tests)
    yield from _ended("Self-tests", one.selftests)
    yield from _ended("Live", one.live)
    yield from _named("Settings", claim.settings)
    yield "</article>"


def _named(word: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"<p class=quiet>{word}: " + ", ".join(f"<code>{escape(n)}</code>" for n in names)
        yield "</p>"


def _ended(word: str, outcomes: Mapping[str, str]) -> Iterator[str]:
    for how in dict.fromkeys(outcomes.values()):
        names = (f"<code>{escape(name)}</code>" for name, one in outcomes.items() if one == how)
        yield f"<p class=quiet>{word} {pill(how, _KINDS.get(how, 'absent'))} {', '.join(names)}</p>"

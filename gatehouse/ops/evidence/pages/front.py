"""The front page: what was collected, how the claims stand, what is missing and what is left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from html import escape

from gatehouse.ops.evidence.assessment import STATES, Assessed, Assessment
from gatehouse.ops.evidence.mapping import NOT_APPLICABLE, NOT_MET, PARTLY, STATUSES
from gatehouse.ops.evidence.oscal import About
from gatehouse.ops.evidence.pages.layout import (
    CAUTION,
    document,
    name_of,
    pill,
    prose,
    status_pill,
)

_Words = Callable[[Assessed], str]
_LIVE = {
    "good": ("collected, as it should be", "good"),
    "remarks": ("collected, with a remark", "partly"),
    "bad": ("collected, something is wrong", "bad"),
    "collected": ("collected", "plain"),
    "not available": ("not available", "absent"),
}


def front_page(found: Assessment, about: About, attached: Iterable[str]) -> bytes:
    """The page `index.html`; `attached` are the other members of the bundle."""
    return document("Evidence", _body(found, about, sorted(attached)))


def _body(found: Assessment, about: About, attached: list[str]) -> Iterator[str]:
    made = datetime.fromisoformat(about.made)
    yield "<header><h1>Evidence</h1>"
    yield f'<p class="lead">One deployment of Gatehouse, as of {made:%-d %B %Y, %H:%M} UTC.</p>'
    yield "</header><main>"
    yield f'<p class="caution">{CAUTION}</p>'
    yield '<dl class="about">'
    for word, value in (("Program", f"Gatehouse {about.version}"), ("Deployment", about.log)):
        yield f"<div><dt>{word}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"
    yield from _live(found)
    yield from _claims(found)
    yield from _gaps(found)
    yield from _duties(found)
    yield from _verify(attached)
    yield "</main>"


def _live(found: Assessment) -> Iterator[str]:
    had = sum(one.collected for one in found.live)
    yield '<section id="collected"><h2>What was collected</h2>'
    yield f"<p>{had} of {len(found.live)} results could be had. The others are named with the reason.</p>"
    yield '<table class="live"><thead><tr><th scope="col">Result</th><th scope="col">State</th>'
    yield '<th scope="col">Remark</th></tr></thead><tbody>'
    for one in found.live:
        word, kind = _LIVE[one.state]
        yield (
            f'<tr><th scope="row"><a href="live/{one.name}.json">{escape(one.about)}</a></th>'
            f"<td>{pill(word, kind)}</td><td>{prose(one.why)}</td></tr>"
        )
    yield "</tbody></table></section>"


def _claims(found: Assessment) -> Iterator[str]:
    yield '<section id="claims"><h2>How the claims stand</h2>'
    for framework in found.evidence.frameworks:
        counts, all_ = found.by_status(framework.name), found.of(framework.name)
        yield f"<h3>{escape(framework.title)} <small>{escape(framework.version)}</small></h3>"
        yield from _bar(counts, len(all_))
        yield "<ul class=counts>"
        for status in STATUSES:
            yield f"<li>{status_pill(status)} <b>{counts[status]}</b></li>"
        yield "</ul>"
        last = {state: sum(one.last == state for one in all_) for state in STATES[:-1]}
        words = ", ".join(f"{number} {state}" for state, number in last.items() if number)
        yield f"<p class=quiet>Of what is claimed as met or partly met: {words or 'nothing'}. "
        yield f'<a href="{framework.name}.html">Every requirement, one by one</a></p>'
    yield "</section>"


def _bar(counts: Counter[str], whole: int) -> Iterator[str]:
    """How the statuses share the requirements; a picture, since the page allows no inline style."""
    yield f'<svg class="bar" viewBox="0 0 {whole} 1" preserveAspectRatio="none" aria-hidden="true">'
    left = 0
    for status in STATUSES:
        yield f'<rect class="{status}" x="{left}" y="0" width="{counts[status]}" height="1"/>'
        left += counts[status]
    yield "</svg>"


def _gaps(found: Assessment) -> Iterator[str]:
    yield '<section id="gaps"><h2>What is not met</h2>'
    yield from _listed(found, lambda one: one.claim.gap, {PARTLY, NOT_MET})
    yield "</section>"


def _duties(found: Assessment) -> Iterator[str]:
    yield '<section id="customer"><h2>What whoever runs it has to do</h2>'
    yield from _listed(found, lambda one: one.claim.customer, set(STATUSES) - {NOT_APPLICABLE})
    yield "</section>"


def _listed(found: Assessment, words: _Words, statuses: set[str]) -> Iterator[str]:
    for framework in found.evidence.frameworks:
        rows = [
            one for one in found.of(framework.name) if one.claim.status in statuses and words(one)
        ]
        if not rows:
            continue
        yield f"<h3>{escape(framework.title)}</h3><ul class=list>"
        for one in rows:
            link = f"{framework.name}.html#{name_of(one.claim.id)}"
            yield (
                f'<li><p><a href="{link}">{escape(one.claim.id)}</a> '
                f"{status_pill(one.claim.status)}</p><p>{prose(words(one))}</p></li>"
            )
        yield "</ul>"


def _verify(attached: list[str]) -> Iterator[str]:
    yield '<section id="bundle"><h2>What is in the bundle, and how to check it</h2>'
    yield (
        "<p><code>gatehouse evidence verify BUNDLE --key KEY</code> checks that nothing was changed, "
        "added or taken out, with the key of the audit log that you were given on a way of your own. "
        "By hand: <code>SIGNATURE</code> is a signed note over the SHA-256 of <code>SHA256SUMS</code>, "
        "which <code>sha256sum -c</code> reads.</p><ul class=files>"
    )
    yield from (
        f'<li><a href="{escape(name)}"><code>{escape(name)}</code></a></li>' for name in attached
    )
    yield "</ul></section>"

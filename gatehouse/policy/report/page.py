"""Lays a report out as one HTML page: no script, nothing loaded, nothing of the policies unescaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files

from gatehouse.policy.diff.describe import comes_with
from gatehouse.policy.diff.summary import Row, summary
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.guards import Verdict
from gatehouse.policy.matrix import Cell, matrix
from gatehouse.policy.report.content import Content
from gatehouse.policy.rules import Rule
from gatehouse.policy.words import duration, rule_sentence

VERDICTS: dict[Verdict, tuple[str, str]] = {
    "same": ("nothing changed", "Every decision is as it was."),
    "words": ("only words changed", "The same people get the same as before."),
    "narrows": ("narrows", "Nobody gets more than before; somebody gets less."),
    "loosens": ("loosens", "Nobody gets more than before; policy tests were given up."),
    "widens": ("widens", "Somebody gets more than before; nobody gets less."),
    "mixed": ("widens and narrows", "Somebody gets more than before, and somebody gets less."),
}
MATRIX = "Who may ask what"
_CELLS = {
    "allow": ("yes", "allowed"),
    "step_up": ("code", "after a code"),
    "deny": ("-", "refused"),
}
_MARKS = {
    "widens": "more",
    "narrows": "less",
    "mixed": "both",
    "words": "words",
    "loosens": "looser",
}


def page(content: Content) -> str:
    """The report as HTML."""
    return _page(content, _body(content))


def matrix_page(content: Content) -> str:
    """The matrix alone as HTML."""
    return _page(content, [*_head(content), *_facts(content), *_matrix(content.policies)])


def _page(content: Content, parts: Iterable[str]) -> str:
    style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    # On every printed sheet: one that was exchanged after the signature does not fit the others.
    style = style.replace("Revision unknown", f"Revision {content.policies.revision}")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<title>{escape(content.title)} · {content.policies.revision[:8]}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _body(content: Content) -> Iterator[str]:
    policies = content.policies
    yield from _head(content)
    yield "<main>"
    yield from _facts(content)
    yield from _changes(content)
    yield from _matrix(policies)
    yield from _rules(content)
    yield from _tests(content)
    yield from _retention(policies)
    yield from _signatures(content)
    yield "</main>"


def _head(content: Content) -> Iterator[str]:
    yield f"<header><h1>{escape(content.title)}</h1>"
    yield f'<p class="lead">Who may ask the assistant what, as of {content.made:%-d %B %Y}.</p>'
    yield "</header>"


def _facts(content: Content) -> Iterator[str]:
    policies = content.policies
    numbers = {
        "requests": len(policies.intents),
        "kinds of account": len(policies.roles),
        "rules": len(policies.rules),
        "tested decisions": policies.tested,
    }
    yield '<dl class="facts">'
    for words, number in numbers.items():
        yield f"<div><dt>{words}</dt><dd>{number:,}</dd></div>"
    yield "</dl>"
    yield f'<p class="revision">Revision <code>{policies.revision}</code></p>'


def _changes(content: Content) -> Iterator[str]:
    found = content.comparison
    if found is None:
        return
    title, words = VERDICTS[found.verdict]
    yield f'<section id="changes"><h2>What changed since {escape(content.since)}</h2>'
    yield f'<p><span class="verdict {found.verdict}">{title}</span> {words}</p>'
    shown = summary(found)
    if shown.rows:
        if any(row.also for row in shown.rows):
            yield (
                "<p class=quiet>A request is decided by what is asked, and again when the record is "
                "at hand; “also with the record” means that both decisions change alike.</p>"
            )
        yield '<ul class="changes">'
        yield from (_change(row) for row in shown.rows)
        yield "</ul>"
    if shown.near:
        yield "<h3>Messages that may as well mean something more protected</h3><ul class=near>"
        for near in shown.near:
            yield (
                f"<li>{_tag(near.direction)} {len(near.intents)} other requests in words that may "
                f"as well mean <code>{escape(near.runner_up)}</code>: was {escape(near.before)}; "
                f"now {escape(near.after)}. <q>For example: {escape(near.example)}.</q></li>"
            )
        yield "</ul>"
    if shown.retained:
        yield "<h3>How long it is kept</h3><ul class=near>"
        for kept in shown.retained:
            yield (
                f"<li>{_tag(kept.direction)} {_codes(kept.intents)}: "
                f"was {_kept(kept.before)}, now {_kept(kept.after)}</li>"
            )
        yield "</ul>"
    for sentence in comes_with(found):
        yield f"<p>{escape(sentence[:1].upper() + sentence[1:])}.</p>"
    if found.lost:
        yield "<h3>What the policy tests do not forbid any more</h3><ul class=near>"
        yield from (f"<li>{_tag('loosens')} {escape(str(item))}</li>" for item in found.lost)
        yield "</ul>"
    if shown.words:
        count = len({intent for row in shown.words for intent in row.intents})
        yield (
            f"<p class=quiet>For {count} requests only the words of a refusal, or the rule behind "
            "the same decision, changed.</p>"
        )
    yield "</section>"


def _change(row: Row) -> str:
    conditions = "".join(f"<li>{escape(words)}</li>" for words in row.when)
    also = f" ({escape(row.also)})" if row.also else ""
    return (
        f"<li><p>{_tag(row.direction)} {_codes(row.intents)} for <b>{escape(row.who)}</b>{also}</p>"
        + (f"<ul>{conditions}</ul>" if conditions else "")
        + f"<p class=from><span>was</span> {escape(row.before)}</p>"
        f"<p class=to><span>now</span> {escape(row.after)}</p>"
        f"<p class=quiet>For example: {escape(row.example)}.</p></li>"
    )


def _tag(direction: Verdict) -> str:
    return f'<span class="tag {direction}">{_MARKS[direction]}</span>'


def _matrix(policies: PolicySet) -> Iterator[str]:
    roles = policies.vocabulary.roles
    cells: dict[str, list[Cell]] = {}
    for cell in matrix(policies):
        cells.setdefault(cell.intent, []).append(cell)
    yield f'<section id="matrix"><h2>{MATRIX}</h2>'
    yield (
        "<p>On an ordinary working day, about what the request is normally about. "
        "An account has its role and the roles that come with it. "
        "<b>*</b> means that the situation can change the answer; the rules below say how.</p>"
    )
    yield '<div class="wide" role="region" aria-label="Matrix" tabindex="0"><table><thead><tr>'
    yield '<th scope="col">Request</th>'
    for role, about in roles.items():
        yield f'<th scope="col" title="{escape(about)}">{escape(role)}</th>'
    yield "</tr></thead>"
    for group, intents in _by_group(policies):
        yield f'<tbody><tr class="group"><th colspan="{len(roles) + 1}">{escape(group)}</th></tr>'
        for intent in intents:
            row = "".join(_cell(cell) for cell in cells[intent])
            yield f'<tr><th scope="row"><code>{escape(intent)}</code></th>{row}</tr>'
        yield "</tbody>"
    yield "</table></div></section>"


def _by_group(policies: PolicySet) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for intent, info in policies.intents.items():
        group = info.groups[0] if info.groups else "other"
        found.setdefault(group.replace("_", " "), []).append(intent)
    return list(found.items())


def _cell(cell: Cell) -> str:
    mark, words = _CELLS[cell.decision.effect]
    star = "<sup>*</sup>" if cell.conditional else ""
    title = f"{cell.role}: {words}, by {cell.decision.rule}"
    return f'<td class="{cell.decision.effect}" title="{escape(title)}">{mark}{star}</td>'


def _rules(content: Content) -> Iterator[str]:
    yield '<section id="rules"><h2>The rules in words</h2>'
    yield (
        "<p>What no rule allows is refused. A rule that refuses wins over every rule that allows; "
        "of several rules that ask for a code, the strictest applies. A fact that is not known "
        "never opens anything.</p>"
    )
    files_: dict[str, list[Rule]] = {}
    for rule in sorted(content.policies.rules, key=lambda one: one.where):
        files_.setdefault(rule.where.file, []).append(rule)
    for file, rules in files_.items():
        yield f"<h3>{escape(file)} <small>{escape(rules[0].owner)}</small></h3><ol class=rules>"
        for rule in rules:
            sentence = rule_sentence(rule, content.policies.vocabulary, content.responses)
            yield (
                f'<li class="{rule.effect}"><p>{escape(sentence)}</p>'
                f"<p class=quiet>{escape(rule.why)} "
                f"<code>{escape(rule.id)}</code>, line {rule.where.line}</p></li>"
            )
        yield "</ol>"
    yield "</section>"


def _tests(content: Content) -> Iterator[str]:
    yield '<section id="tests"><h2>Policy tests</h2>'
    if not content.tests:
        yield "<p>There are no policy tests: nothing stops an edit that opens too much.</p></section>"
        return
    yield (
        f"<p>{content.policies.tested:,} decisions are checked before any edit takes effect; "
        "all are as expected.</p>"
    )
    for file in content.tests:
        yield f"<h3>{escape(file.name)}</h3><ul class=tests>"
        for name, count in file.tests:
            yield f"<li>{escape(name)} <small>{count}</small></li>"
        yield "</ul>"
    yield "</section>"


def _retention(policies: PolicySet) -> Iterator[str]:
    yield '<section id="retention"><h2>How long conversations are kept</h2><table><thead><tr>'
    yield "<th>Class</th><th>At most</th><th>Requests</th></tr></thead><tbody>"
    classes = dict(policies.vocabulary.retention)
    for name, seconds in classes.items():
        requests = [one for one, info in policies.intents.items() if info.retention == name]
        yield (
            f"<tr><th scope=row>{escape(name)}</th><td>{duration(seconds)}</td>"
            f"<td>{_codes(requests)}</td></tr>"
        )
    yield (
        "<tr><th scope=row>all others</th><td>as the settings of the service say</td>"
        "<td></td></tr></tbody></table></section>"
    )


def _signatures(content: Content) -> Iterator[str]:
    yield '<section id="signatures"><h2>Signatures</h2>'
    yield (
        "<p>We have read these rules and stand for them. This page was made on "
        f"{content.made:%-d %B %Y at %H:%M %Z} from revision "
        f"<code>{content.policies.revision}</code>; <code>gatehouse policy check</code> shows the "
        "revision of the files, and every decision record the one that decided.</p>"
    )
    yield '<div class="signatures">'
    for _ in range(2):
        lines = "".join(f"<p>{label}</p>" for label in ("Name", "Function", "Date, signature"))
        yield f"<div>{lines}</div>"
    yield "</div></section>"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _kept(seconds: int | None) -> str:
    return "as everything else" if seconds is None else duration(seconds)

"""The report as one HTML page: no script, nothing loaded, nothing of the target unescaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from gatehouse.clock import as_datetime
from gatehouse.ops.selftest.attack import STRIDE, Attack, Result
from gatehouse.ops.selftest.catalogue import worst_first
from gatehouse.ops.selftest.engine import Report


def as_page(report: Report) -> str:
    """The report as HTML."""
    style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    body = "\n".join(_body(report))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<title>Self-test · {escape(report.target)}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _body(report: Report) -> Iterator[str]:
    failed = sorted(report.having("failed"), key=lambda one: worst_first(one.attack))
    left, passed = report.having("not_run"), report.having("passed")
    at = as_datetime(report.made)
    yield "<header><h1>Self-test</h1>"
    yield f'<p class="lead">{escape(report.target)}, {at:%-d %B %Y, %H:%M} UTC</p></header><main>'
    yield f'<p class="verdict {_mood(report)}">{escape(_verdict(report))}</p>'
    yield '<dl class="facts">'
    for words, number in (
        ("found", len(failed)),
        ("withstood", len(passed)),
        ("not run", len(left)),
        ("requests", report.requests),
    ):
        yield f"<div><dt>{words}</dt><dd>{number:,}</dd></div>"
    yield "</dl>"
    if failed:
        yield '<section id="found"><h2>Found</h2>'
        for result in failed:
            yield from _finding(result)
        yield "</section>"
    if left:
        yield '<section id="left"><h2>Not run</h2>'
        yield "<p>Nothing is known about these: they were neither withstood nor found.</p>"
        for why, results in report.left().items():
            yield f"<h3>{escape(why[:1].upper() + why[1:])}</h3><table><tbody>"
            for result in results:
                yield f"<tr>{_named(result.attack)}</tr>"
            yield "</tbody></table>"
        yield "</section>"
    if passed:
        yield '<section id="withstood"><h2>Withstood</h2><table><thead><tr>'
        yield '<th scope="col">Attack</th><th scope="col">ASVS 5.0</th>'
        yield '<th scope="col" class="number">Checks</th></tr></thead><tbody>'
        for result in sorted(passed, key=lambda one: worst_first(one.attack)):
            asvs = escape(", ".join(result.attack.asvs))
            yield f"<tr>{_named(result.attack)}<td>{asvs}</td>"
            yield f'<td class="number">{result.checks}</td></tr>'
        yield "</tbody></table></section>"
    yield '<section id="how"><h2>How it was made</h2>'
    yield f"<p>{escape(_how(report))}</p></section></main>"


def _verdict(report: Report) -> str:
    failed, left = len(report.having("failed")), len(report.having("not_run"))
    if report.interrupted:
        made = len(report.results) - left
        return f"Interrupted: {made} of {len(report.results)} attacks were made, {failed} found something."
    if failed:
        return f"{failed} of {len(report.results)} attacks found something."
    if left:
        return f"Nothing was found; {left} of {len(report.results)} attacks were not run."
    return "Every attack was withstood."


def _mood(report: Report) -> str:
    return "bad" if report.having("failed") else "part" if report.having("not_run") else "good"


def _finding(result: Result) -> Iterator[str]:
    attack = result.attack
    yield f'<article class="{attack.severity}"><h3>{escape(attack.title)}</h3>'
    yield f'<p class="tags"><span class="severity">{attack.severity}</span> '
    yield f"<code>{escape(attack.id)}</code> "
    yield f"<span>{escape(', '.join(STRIDE[letter] for letter in attack.stride))}</span> "
    yield f"<span>ASVS {escape(', '.join(attack.asvs))}</span></p><ul>"
    for detail in result.details:
        yield f"<li>{escape(detail)}</li>"
    yield "</ul><dl class=advice>"
    yield f"<div><dt>Expected</dt><dd>{escape(attack.expects)}</dd></div>"
    yield f"<div><dt>Mend</dt><dd>{escape(attack.mend)}</dd></div></dl></article>"


def _named(attack: Attack) -> str:
    return (
        f'<th scope="row">{escape(attack.title)} <small>{escape(attack.id)}, '
        f"{attack.severity}</small></th>"
    )


def _how(report: Report) -> str:
    who = "with a test account" if report.account else "without an account"
    others = "also those that other people notice" if report.destructive else "none destructive"
    return (
        f"From outside, over HTTPS, {who}, {others}: {report.requests} requests in "
        f"{report.seconds:.0f} seconds. An attack that is withstood shows that this attack does not "
        "work; it does not show that no other does."
    )

"""An export as a page that a person can read: one file, nothing fetched, nothing that runs.

Every value is escaped here and nowhere else; the page forbids itself scripts and requests, because
it is opened from a disk and may quote whatever somebody once typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

_WHO: Final = {"person": "You, ", "bot": "Assistant, "}
_FACTS: Final = {
    "name": "Name",
    "user_name": "User name",
    "roles": "Roles",
    "department": "Department",
    "employment_type": "Employment",
    "employee_id": "Employee number",
    "has_authenticator": "Authenticator set up",
}
_KINDS: Final = {
    "totp": "authenticator app",
    "webauthn": "passkey or security key",
    "email": "codes by e-mail",
    "sms": "codes by text message",
}
_STYLE: Final = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1c2330; --soft: #55617a;
  --line: #d9dee7; --you: #e3edff; --link: #1d5bbf; }
@media (prefers-color-scheme: dark) { :root { --page: #12161d; --card: #1a2029; --text: #e6eaf2;
  --soft: #a3aec2; --line: #323b4a; --you: #22375a; --link: #8ab4ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; } .soft { color: var(--soft); font-size: .9rem; }
section.card, details.card { background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; padding: 1rem 1.1rem; margin: 0 0 1rem; }
summary { cursor: pointer; } summary h3 { display: inline; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ol { list-style: none; margin: 1rem 0 0; padding: 0; display: grid; gap: .6rem; }
li.said { border: 1px solid var(--line); border-radius: .6rem; padding: .5rem .75rem;
  max-width: 88%; justify-self: start; }
li.person { background: var(--you); justify-self: end; border-color: transparent; }
li.note { border: 0; justify-self: center; text-align: center; color: var(--soft); font-size: .9rem; }
li p { white-space: pre-wrap; overflow-wrap: anywhere; }
li .soft { font-size: .8rem; margin: 0; }
ul { margin: 0; padding-left: 1.2rem; } ul li { margin: .25rem 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin: 0 0 .6rem; }
  main { padding-top: 1.25rem; } li.said { max-width: 96%; } }
@media print { body { background: #fff; color: #000; } .card { break-inside: avoid-page; } }
"""
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def page(export: Mapping[str, Any], zone: str, title: str = "What is stored about you") -> str:
    """The page of an export as `Rights.export` makes it; times are shown in the time zone `zone`."""
    clock = _Times(zone)
    conversations = export["conversations"]
    parts = [
        f"<h1>{escape(title)}</h1>",
        (
            f'<p class="soft">Exported on {clock.moment(export["exported_at"])} '
            f"({escape(zone)}). This page is a file of yours: nothing in it is fetched or sent.</p>"
        ),
        _section("You", _list_of_facts(export["person"])),
        *_named("How you confirm it is you", export["authenticators"], _authenticator, clock),
        *_named("Front ends that speak for you", export["front_ends"], _front_end, clock),
        "<h2>Signed in</h2>",
        _sessions(export["sessions"], clock),
        f"<h2>Conversations ({len(conversations)})</h2>",
        *(_conversation(found, clock) for found in conversations),
    ]
    if not conversations:
        parts.append('<section class="card"><p>No conversation is stored.</p></section>')
    if export.get("legal_holds"):
        parts += ["<h2>Kept by a legal hold</h2>", _holds(export["legal_holds"], clock)]
    parts += ["<h2>Not in this file</h2>", _bullets(export["not_included"])]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


class _Times:
    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def moment(self, iso: str) -> str:
        at = datetime.fromisoformat(iso).astimezone(self._zone)
        return f"<time datetime='{escape(iso)}'>{at.day} {at:%B %Y, %H:%M}</time>"


def _section(title: str, content: str) -> str:
    return f'<h2>{escape(title)}</h2><section class="card">{content}</section>'


def _list_of_facts(person: Mapping[str, Any]) -> str:
    rows = [
        f"<dt>{escape(label)}</dt><dd>{escape(_plain(person.get(key)))}</dd>"
        for key, label in _FACTS.items()
        if person.get(key) not in (None, "", [])
    ]
    return f"<dl>{''.join(rows)}</dl>"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _named(
    title: str,
    found: Iterable[Mapping[str, Any]],
    line: Callable[[Mapping[str, Any], _Times], str],
    clock: _Times,
) -> list[str]:
    """A list with a heading; nothing at all where there is nothing."""
    rows = "".join(f"<li>{line(one, clock)}</li>" for one in found)
    return [_section(title, f"<ul>{rows}</ul>")] if rows else []


def _authenticator(one: Mapping[str, Any], clock: _Times) -> str:
    what = escape(f"{one['name']} ({_KINDS.get(one['kind'], one['kind'])})")
    return f"{what}, added on {clock.moment(one['added_at'])}, {_used(one, clock)}"


def _front_end(one: Mapping[str, Any], clock: _Times) -> str:
    what = escape(f"{one['name']} ({one['domain']}), may: {', '.join(one['scopes'])}")
    ends = clock.moment(one["ends_at"])
    return (
        f"{what}, registered on {clock.moment(one['registered_at'])}, "
        f"ends on {ends}, {_used(one, clock)}"
    )


def _used(one: Mapping[str, Any], clock: _Times) -> str:
    at = one["last_used_at"]
    return "not used yet" if at is None else f"last used on {clock.moment(at)}"


def _sessions(sessions: Iterable[Mapping[str, str]], clock: _Times) -> str:
    rows = [
        f"<li>signed in on {clock.moment(one['signed_in_at'])}, "
        f"last active on {clock.moment(one['last_active_at'])}"
        f"{escape(', ' + one['browser'] if one['browser'] else '')}</li>"
        for one in sessions
    ]
    listed = f"<ul>{''.join(rows)}</ul>" if rows else "<p>Nowhere at present.</p>"
    return f'<section class="card">{listed}</section>'


def _conversation(found: Mapping[str, Any], clock: _Times) -> str:
    said = "".join(
        f'<li class="said {escape(item["from"])}"><p>{escape(item["text"])}</p>'
        f'<p class="soft">{_WHO.get(item["from"], "")}{clock.moment(item["at"])}</p></li>'
        for item in found["messages"]
    )
    prolonged = " if nothing is added" if found["a_message_prolongs_it"] else ""
    return (
        '<details class="card" open><summary><h3>Begun on '
        f"{clock.moment(found['started_at'])}</h3></summary>"
        f'<p class="soft">Erased for good on {clock.moment(found["erased_for_good_at"])}'
        f"{prolonged}.</p><ol>{said or '<li>Nothing was said.</li>'}</ol></details>"
    )


def _holds(holds: Iterable[Mapping[str, Any]], clock: _Times) -> str:
    rows = [
        f"<li>Since {clock.moment(one['since'])}: {escape(str(one['reason']))}</li>"
        for one in holds
    ]
    return f'<section class="card"><ul>{"".join(rows)}</ul></section>'


def _bullets(lines: Iterable[str]) -> str:
    return f'<section class="card"><ul>{"".join(f"<li>{escape(one)}</li>" for one in lines)}</ul></section>'

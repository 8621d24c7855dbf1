"""The table of recorded events in ARCHITECTURE.md is complete, and so is the code behind it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gatehouse.audit.log import KINDS

PROJECT = Path(__file__).resolve().parents[3]
GATEHOUSE = PROJECT / "gatehouse"
GENERIC = "test_the_event_leaves_its_entry"
WRITERS = {"append", "record", "_record", "_write", "_call", "_note", "_append"}
"""Methods that write an entry: of the log itself, or one step before it."""

RECORDED_BY = {
    "ApprovalRefused": ("approval/people.py", "prove", "sign_in_refused"),
    "AssertionRefused": ("dialogue/checkpoint.py", "_unproven", "assertion_refused"),
    "AuditTampered": ("audit/signing.py", "_refuse", "checkpoint_refused"),
    "CallRefused": ("dialogue/action_server.py", "count", "call_refused"),
    "ChallengeRefused": ("stepup/service.py", "_refused", "step_up_refused"),
    "CodeRefused": ("stepup/service.py", "_failed", "step_up_failed"),
    "FrontEndRefused": ("channel/refusals.py", "_record", "request_refused"),
    "GrantRefused": ("stepup/service.py", "redeem", "step_up_refused"),
    "PasswordRefused": ("channel/signing_in.py", "_checked", "sign_in_refused"),
    "ProviderRefused": ("channel/provider.py", "_refused", "sign_in_refused"),
    "ReceiverRefused": ("channel/hooks.py", "", "webhook_refused"),
    "Refused": ("dialogue/checkpoint.py", "_record", "decision"),
    "SignInRefused": ("channel/signing_in.py", "_checked", "sign_in_refused"),
    "StepUpNeeded": ("dialogue/checkpoint.py", "_record", "decision"),
    "TicketRefused": ("channel/refusals.py", "_record", "request_refused"),
    "TooMany": ("channel/throttles.py", "_record", "throttled"),
    "TrackerTampered": ("tracker/journal.py", "", "tamper"),
    "WebhookRefused": ("../actions/notices.py", "", "webhook_failed"),
}
"""Where what an exception refuses is recorded: file, function (empty: anywhere in it), kind."""

COMING: set[str] = set()
"""Kinds that nothing writes yet."""

NO_DECISION = {
    "ButtonSpent": "an old button; the person is told to write instead",
    "ConversationEnded": "a turn of a conversation that is over; recorded as turn_refused",
    "ConversationOwned": "a conversation id that is taken; recorded as turn_refused",
    "EventRefused": "an event that may not be stored; recorded as turn_refused",
    "SessionEnded": "nobody is signed in any more; its end was recorded when it ended",
    "WitnessRefused": "becomes AuditTampered",
}
"""Refusals that are not about who may do what, and why they need no entry of their own."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> list[Path]:
    found = [*GATEHOUSE.rglob("*.py"), *(PROJECT / "actions").rglob("*.py")]
    return [path for path in sorted(found) if "node_modules" not in path.parts]


def name_of(path: Path) -> str:
    """The name of a module as the table has it, `channel/account.py` or `actions/pay.py`."""
    return path.relative_to(PROJECT).as_posix().removeprefix("gatehouse/")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def words_in(node: ast.AST) -> set[str]:
    """The text constants below `node`."""
    return {
        item.value
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    }


def written_in(path: Path) -> set[str]:
    """The kinds that a module writes: constants in the first argument of a writing call."""
    found: set[str] = set()
    text = path.read_text(encoding="utf-8")
    if not any(f'"{kind}"' in text for kind in KINDS):
        return found
    for function in functions(tree_of(path)):
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _called(node) in WRITERS:
                for argument in node.args[:3]:
                    found |= words_in(argument) & KINDS
                    for name in ast.walk(argument):
                        if isinstance(name, ast.Name) and name.id in named:
                            found |= words_in(named[name.id]) & KINDS
    return found


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def rows() -> dict[str, tuple[set[str], set[str]]]:
    """Kind → files that write it, tests that find it; as the table says."""
    text = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("\n## What is recorded\n")[2].partition("\n## ")[0]
    table = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            files = set(re.findall(r"`([\w/]+\.py)`", cells[2]))
            tests = set(re.findall(r"`(test_\w+)`", cells[3])) or {GENERIC}
            for kind in re.findall(r"`(\w+)`", cells[0]):
                table[kind] = files, tests
    return table


@cache
def driven() -> set[str]:
    """The kinds that the test of all events makes happen."""
    tree = tree_of(PROJECT / "tests" / "unit" / "coverage" / "test_events.py")
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "DRIVERS":
            assert isinstance(node.value, ast.Dict)
            return {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    raise AssertionError("there are no DRIVERS any more")


def test_the_table_names_every_kind() -> None:
    """A kind that the log knows is in the table, and the table has no other."""
    assert COMING == KINDS ^ rows().keys()


def test_every_writer_is_in_the_table() -> None:
    """Who writes a kind is named in its row; a row names nobody else."""
    writers: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for path in modules():
        for kind in written_in(path):
            writers[kind].add(name_of(path))
    for kind in COMING:
        assert set() == writers.pop(kind)
    assert writers == {kind: files for kind, (files, _) in rows().items()}


def test_every_row_is_driven() -> None:
    """Each row is made to happen by a test that looks for its entry."""
    sources = [p for p in PROJECT.glob("tests/**/test_*.py") if p.name != Path(__file__).name]
    bodies: dict[str, set[str]] = {}
    named = {test for _, tests in rows().values() for test in tests}
    for path in sources:
        text = path.read_text(encoding="utf-8")
        if any(f"def {test}(" in text for test in named):
            for function in functions(tree_of(path)):
                bodies.setdefault(function.name, set()).update(words_in(function))
    undriven = {
        (kind, test)
        for kind, (_, tests) in rows().items()
        for test in tests
        if not (kind in driven() if test == GENERIC else kind in bodies.get(test, set()))
    }
    assert set() == undriven


def test_every_refusal_is_recorded_or_says_why_not() -> None:
    """A new kind of refusal needs a place where it is recorded."""
    classes = {
        node.name
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        and node.bases
        and re.search(r"(Refused|Needed|TooMany|Tampered|Ended|Spent|Owned)$", node.name)
    }
    assert classes == RECORDED_BY.keys() | NO_DECISION.keys()
    for name, (file, function, kind) in RECORDED_BY.items():
        files = [GATEHOUSE / file] if file.endswith(".py") else (GATEHOUSE / file).glob("*.py")
        places = [
            node
            for path in files
            for node in ([tree_of(path)] if not function else functions(tree_of(path)))
            if not function or getattr(node, "name", "") == function
        ]
        assert any(kind in words_in(place) for place in places), name


DECISIONS = {"Refused", "StepUpNeeded"}


def undocumented_refusals(tree: ast.AST) -> list[int]:
    """Lines that raise a decision, under whatever name, before an entry in the same function."""
    names = DECISIONS | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in DECISIONS and alias.asname
    }
    inside = {id(node) for function in functions(tree) for node in ast.walk(function)}
    outside = [node for node in ast.walk(tree) if id(node) not in inside]
    found = []
    for nodes in (*(list(ast.walk(function)) for function in functions(tree)), outside):
        written = [n.lineno for n in nodes if isinstance(n, ast.Call) and _writes(n)]
        held = {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and _is_decision(node.value, names)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes:
            decides = isinstance(node, ast.Raise) and _is_decision(node.exc, names | held)
            if decides and not any(line <= node.lineno for line in written):
                found.append(node.lineno)
    return found


def _writes(call: ast.Call) -> bool:
    """Whether it writes an entry: `append` is that of a log, and not of any list."""
    name = _called(call)
    if name != "append":
        return name in WRITERS
    of = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return "audit" in of or of.rpartition(".")[2] in ("log", "_log")


def _is_decision(node: ast.AST | None, names: set[str]) -> bool:
    """Whether it is one of `names`, or made of one, however it is reached."""
    if isinstance(node, ast.Call) and _called(node) == "getattr":
        return bool(words_in(node) & DECISIONS)
    if isinstance(node, ast.Call):
        return _is_decision(node.func, names)
    return (getattr(node, "id", "") or getattr(node, "attr", "")) in names


def test_no_decision_takes_effect_before_its_entry() -> None:
    """Every `raise Refused` and `raise StepUpNeeded` comes after a write in its own function."""
    wrong = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in modules()
        for line in undocumented_refusals(tree_of(path))
    ]
    assert [] == wrong


def test_the_search_for_decisions_would_find_one() -> None:
    """A refusal without an entry before it is found; one after an entry is not."""
    bad = "def f(self):\n    if a:\n        raise Refused('x')\n    self.log.append('decision')\n"
    good = "def f(self):\n    self.log.append('decision')\n    raise StepUpNeeded\n"
    assert [3] == undocumented_refusals(ast.parse(bad))
    assert [] == undocumented_refusals(ast.parse(good))
    for hidden in (
        "from gate import Refused as No\ndef f():\n    raise No('x')\n",
        "def f():\n    error = Refused('x')\n    raise error\n",
        "def f():\n    raise gate.Refused('x')\n",
        "def f():\n    raise getattr(gate, 'Refused')('x')\n",
        "def f():\n    found.append('decision')\n    raise Refused('x')\n",
        "if a:\n    raise Refused('x')\n",
    ):
        assert 1 == len(undocumented_refusals(ast.parse(hidden))), hidden


def test_decisions_are_made_in_one_place() -> None:
    """The rules are asked by the checkpoint, by tools that have no effect, and by nobody else."""
    tools = ("policy/", "cli/policy/", "dialogue/rehearsal.py")
    askers = {
        name_of(path)
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and _called(node) == "decide"
    }
    assert {"dialogue/checkpoint.py"} == {a for a in askers if not a.startswith(tools)}


@pytest.mark.parametrize("path", sorted(GATEHOUSE.glob("cli/**/*.py")), ids=lambda path: path.name)
def test_commands_that_change_something_record_it(path: Path) -> None:
    """A command that calls a method which changes people, keys or conversations writes an entry."""
    tree = tree_of(path)
    changing = {"set_roles", "set_password", "disable", "enable", "enrol", "remove"}
    names = {_called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    owners = {"directory", "totp"}
    changes = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in changing
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr in owners
    }
    assert not changes or names & WRITERS

"""Every place of ours that logs does it by the rule of `gatehouse.logs`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from gatehouse.logs.lines import FIELDS
from gatehouse.logs.templates import template_of

PROJECT = Path(__file__).resolve().parents[3]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def sources() -> list[Path]:
    return [
        path
        for folder in ("gatehouse", "actions")
        for path in (PROJECT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    ]


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("log", "logger")
            and node.func.attr in LEVELS
        ):
            yield node


def test_our_lines_are_constant_words_with_allowed_fields() -> None:
    """No f-string, no positional value, no field that is not in `FIELDS`."""
    wrong, found = [], 0
    for path in sources():
        for call in log_calls(ast.parse(path.read_text(encoding="utf-8"))):
            found += 1
            constant = len(call.args) == 1 and isinstance(call.args[0], ast.Constant)
            if not constant or {keyword.arg for keyword in call.keywords} - FIELDS:
                wrong.append(f"{path.relative_to(PROJECT)}:{call.lineno}")
    assert [] == wrong
    assert found >= 10


def test_nobody_logs_past_the_rule() -> None:
    """`logging.getLogger` and `print` are used nowhere else, so that no line escapes the rule."""
    allowed = {"gatehouse/logs", "gatehouse/ops/terminal.py", "gatehouse/audit/standalone.py"}
    wrong = []
    for path in sources():
        name = path.relative_to(PROJECT).as_posix()
        if any(name.startswith(prefix) for prefix in allowed):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("logging.getLogger", "structlog.get_logger", "print", "pprint"):
                    wrong.append(f"{name}:{node.lineno}: {called}")
    assert [] == wrong


def test_words_of_a_call_over_several_lines(tmp_path: Path) -> None:
    """Each line of a call gives its words; a call inside another one its own; no file, a hole."""
    module = tmp_path / "module.py"
    module.write_text(
        "logger.info(\n"
        "    'outer %(name)s 100%% '\n"
        "    f'and {value!r}',\n"
        "    log.debug('inner'),\n"
        ")\n"
        "self._log_info(statement)\n",
        encoding="utf-8",
    )
    words = [template_of(str(module), line) for line in range(1, 8)]
    outer = "outer … 100% and …"
    assert [outer, outer, outer, "inner", outer, "…", "…"] == words
    assert "…" == template_of(str(tmp_path / "missing.py"), 1)
    assert "…" == template_of("<string>", 1)

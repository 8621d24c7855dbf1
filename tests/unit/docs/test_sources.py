"""What the map of evidence says of all of our code at once: read from the code, since no run could show it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
PROGRAMS = {
    *("gatehouse/backup/postgres.py", "gatehouse/backup/targets/sftp.py"),
    *("gatehouse/tracker/backups.py", "gatehouse/cli/train.py"),
    *("gatehouse/ops/doctor/checks/clock.py", "gatehouse/ops/doctor/checks/secrets.py"),
}
"""Modules that start programs, as compliance/asvs/v01.yml and docs/assessment.md list them."""
STARTERS = {"system", "popen", "startfile", "posix_spawn", "create_subprocess_shell"}
FAMILIES = ("exec", "spawn")  # os.execv, os.spawnlp, …
BUILDERS = {"eval", "exec", "compile", "__import__"}
PICKLES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


CRYPTOGRAPHY = {
    *("cryptography", "hashlib", "hmac", "ssl"),
    *("argon2", "authlib", "joserfc", "jwt", "pyotp", "webauthn"),
}
OTHERS = {
    *(
        "Crypto",
        "Cryptodome",
        "OpenSSL",
        "nacl",
        "ecdsa",
        "rsa",
        "bcrypt",
        "passlib",
        "itsdangerous",
    ),
    *("M2Crypto", "crypt", "gnupg", "jose", "pysodium", "tink"),
}
"""Libraries for the same that nothing here should begin to use unseen."""
STATEMENTS = {"execute", "executemany", "executescript", "exec_driver_sql", "text", "DDL"}
IN_STATEMENTS = {
    "gatehouse/audit/schema.py": {"table", "verb"},
    "gatehouse/audit/convert.py": {"_OLD"},
    "gatehouse/tracker/backups.py": {"table", "', '.join(columns)"},
    "gatehouse/tracker/scrub.py": {"_PATIENCE", "usual", "table.name"},
    "gatehouse/backup/restoring.py": {"tables.GUARD"},
    "gatehouse/backup/places.py": {"tables.GUARD", "name"},
    "gatehouse/backup/sqlite.py": {"table"},
    "gatehouse/keys/shelf.py": {"self.prefix", "_TOP", "table"},
    "gatehouse/keys/table_shelf.py": {"_MAKING", "_PREFIX", "'on' if durable else 'off'"},
    "gatehouse/keys/file_shelf.py": {"'FULL' if durable else 'NORMAL'"},
}
"""What is put into the text of a statement, where: names of tables, constants and numbers of our own, each looked at."""


@dataclass
class Read:
    """What one module imports, what it calls (before the last dot, name, call), and its words."""

    imports: set[str] = field(default_factory=set)
    calls: list[tuple[str, str, ast.Call]] = field(default_factory=list)
    words: set[str] = field(default_factory=set)


def read(file: Path) -> Read:
    found = Read()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                found.imports |= {one.name for one in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                found.imports |= {module, *(f"{module}.{one.name}" for one in node.names)}
            case ast.Call(func=ast.Name(id=name)):
                found.calls.append(("", name, node))
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                found.calls.append((ast.unparse(owner), name, node))
                found.words.add(name)
            case ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                found.words.add(word)
    return found


@pytest.fixture(scope="module")
def code() -> dict[str, Read]:
    """Every module that serves, by its path."""
    return {
        str(file.relative_to(PROJECT)): read(file)
        for folder in ("gatehouse", "actions")
        for file in (PROJECT / folder).rglob("*.py")
        if "node_modules" not in file.parts
    }


def importing(code: dict[str, Read], *names: str) -> set[str]:
    """Modules that import one of `names` or something below it."""
    below = tuple(f"{name}." for name in names)
    return {
        path
        for path, module in code.items()
        if any(one in names or one.startswith(below) for one in module.imports)
    }


def test_programs_are_started_in_few_places_and_without_a_shell(
    code: dict[str, Read],
) -> None:
    """Only the listed modules start programs, each with a list of arguments (ASVS v5.0.0-1.2.5)."""
    assert PROGRAMS == importing(code, "subprocess")
    assert set() == importing(code, "pty", "asyncio.subprocess", "multiprocessing.popen_fork")
    started = 0
    for path, module in code.items():
        for owner, name, call in module.calls:
            if owner == "os":
                assert name not in STARTERS and not name.startswith(FAMILIES), path
            assert name != "create_subprocess_shell", path
            if owner == "subprocess":
                started += 1
                assert name in ("run", "Popen"), f"{path}: subprocess.{name}"
                assert "shell" not in {one.arg for one in call.keywords}, path
                assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), path
    assert started >= len(PROGRAMS)


def test_randomness_is_the_operating_systems(code: dict[str, Read]) -> None:
    """`random` spreads the pauses of webhooks and makes nothing else (ASVS v5.0.0-11.5.1)."""
    assert {"gatehouse/webhooks/delivery.py"} == importing(code, "random", "numpy.random")
    (pause,) = [
        name for owner, name, _ in code["gatehouse/webhooks/delivery.py"].calls if owner == "random"
    ]
    assert "uniform" == pause
    assert {"uuid5"} == {
        name for module in code.values() for owner, name, _ in module.calls if owner == "uuid"
    }


def test_weak_hashes_are_where_the_map_says(code: dict[str, Read]) -> None:
    """SHA-1 looks passwords up in published lists and protects nothing; no MD5 (ASVS v5.0.0-11.4.1)."""
    weak = {
        (path, word)
        for path, module in code.items()
        for word in module.words
        if word.lower().replace("-", "") in ("md4", "md5", "sha1")
    }
    assert {("gatehouse/identity/breached.py", "sha1")} == weak
    (asked,) = [
        call for _, name, call in code["gatehouse/identity/breached.py"].calls if name == "sha1"
    ]
    assert {"usedforsecurity": "False"} == {
        one.arg: ast.unparse(one.value) for one in asked.keywords
    }


def test_the_table_of_cryptography_leads_to_every_use(code: dict[str, Read]) -> None:
    """Each module that seals, signs, hashes or speaks TLS is listed, each place uses some (ASVS v5.0.0-11.1.3)."""
    page = (PROJECT / "docs" / "assessment.md").read_text(encoding="utf-8")
    table = page.partition("## Cryptography in use")[2].partition("\n## ")[0]
    rows = [line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| ")]
    places = {
        place for row in rows for place in re.findall(r"`((?:gatehouse|actions)/[^`]+)`", row)
    }
    used = importing(code, *CRYPTOGRAPHY)
    unlisted = {path for path in used if not any(leads(place, path) for place in places)}
    assert set() == unlisted
    assert set() == {place for place in places if not any(leads(place, path) for path in used)}
    hashes = {
        name for module in code.values() for owner, name, _ in module.calls if owner == "hashlib"
    }
    assert {name for name in hashes if name not in table.lower().replace("-", "")} <= {
        "file_digest"
    }
    assert set() == importing(code, *OTHERS)


def leads(place: str, path: str) -> bool:
    """Whether a place of the table, a module or a folder, holds the module `path`."""
    return path.startswith(place) if place.endswith("/") else path == place


def test_nothing_becomes_code(code: dict[str, Read]) -> None:
    """No text is run and no pickled object is loaded (ASVS v5.0.0-1.3.2, 1.5.2)."""
    assert set() == importing(code, *PICKLES)
    assert set() == {
        (path, name)
        for path, module in code.items()
        for owner, name, _ in module.calls
        if not owner and name in BUILDERS
    }


def test_statements_hold_names_of_the_program_only(code: dict[str, Read]) -> None:
    """No value gets into the text of a statement; what does was looked at (ASVS v5.0.0-1.2.4)."""
    found: dict[str, set[str]] = {}
    for path, module in code.items():
        for _, name, call in module.calls:
            if name in STATEMENTS and call.args:
                found.setdefault(path, set()).update(put_into(call.args[0]))
    assert IN_STATEMENTS == {path: put for path, put in found.items() if put}


def put_into(statement: ast.expr) -> set[str]:
    """The expressions that make up a statement, besides constant text."""
    match statement:
        case ast.JoinedStr(values=values):
            parts = [one.value for one in values if isinstance(one, ast.FormattedValue)]
            return {ast.unparse(one) for one in parts}
        case (
            ast.BinOp(op=ast.Add() | ast.Mod())
            | ast.Call(func=ast.Attribute(attr="format" | "join"))
        ):
            return {ast.unparse(statement)}
    return set()

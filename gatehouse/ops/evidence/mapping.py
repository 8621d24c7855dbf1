"""Reads the map under `compliance/`: one entry for each requirement, in our own words.

A requirement that is in scope and has no entry, an entry that claims something without naming what
shows it, and a word that is not known stop the reading: a map that is half right is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gatehouse.errors import InvalidInput, NotReady

FRAMEWORKS: Final = "frameworks.yml"
MET, PARTLY, NOT_MET, CUSTOMER, NOT_APPLICABLE = (
    "met",
    "partly",
    "not_met",
    "customer",
    "not_applicable",
)
STATUSES: Final = (MET, PARTLY, NOT_MET, CUSTOMER, NOT_APPLICABLE)
_TEXTS: Final = ("how", "customer", "gap", "why")
_LISTS: Final = ("where", "tests", "settings", "selftests", "live")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    MET: ("how", "where"),
    PARTLY: ("how", "where", "gap"),
    NOT_MET: ("gap",),
    CUSTOMER: ("customer",),
    NOT_APPLICABLE: ("why",),
}
_BARRED: Final[Mapping[str, tuple[str, ...]]] = {
    MET: ("gap", "why"),
    PARTLY: ("why",),
    NOT_MET: ("why",),
    CUSTOMER: ("why",),
    NOT_APPLICABLE: ("gap", *_LISTS),
}


@dataclass(frozen=True, slots=True)
class Framework:
    """A catalogue of requirements: its short name here, its title, version and where it is published."""

    name: str
    title: str
    version: str
    source: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is claimed about one requirement.

    `level` is 1 to 3 for ASVS, otherwise 0. `where` are files, with `#section` for documents; `tests`
    are names of test functions, `file::name` where a name is not unique; `live` are names of
    `gatehouse.ops.evidence.live`. `customer` is what whoever runs Gatehouse has to do, `gap` what is
    missing, `why` the reason why it does not apply.
    """

    framework: str
    group: str
    id: str
    level: int
    status: str
    how: str = ""
    customer: str = ""
    gap: str = ""
    why: str = ""
    where: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    selftests: tuple[str, ...] = ()
    live: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceMap:
    """The whole map, in the order of its files."""

    frameworks: tuple[Framework, ...]
    requirements: tuple[Requirement, ...]

    def of(self, framework: str) -> tuple[Requirement, ...]:
        return tuple(one for one in self.requirements if one.framework == framework)


def map_directory(home: Path | None = None) -> Path:
    """The map of the deployment in `home`, or the one that came with this Gatehouse.

    Raises `NotReady` when there is neither.
    """
    own = Path(__file__).resolve().parents[3] / "compliance"
    for place in (home / "compliance" if home else own, own):
        if (place / FRAMEWORKS).is_file():
            return place
    raise NotReady(
        "the map of evidence is not there",
        "it comes with the source of Gatehouse, in compliance/; name a copy with --map",
    )


def read_map(directory: Path) -> EvidenceMap:
    """The map in `directory`; raises `InvalidInput` naming the file and the requirement."""
    frameworks = tuple(_frameworks(directory / FRAMEWORKS))
    files = sorted(path for path in directory.rglob("*.yml") if path.name != FRAMEWORKS)
    found: dict[tuple[str, str], Requirement] = {}
    for path in files:
        for one in _file(path, {known.name for known in frameworks}):
            if (one.framework, one.id) in found:
                raise InvalidInput(f"{path.name}: {one.id} occurs twice")
            found[one.framework, one.id] = one
    missing = [known.name for known in frameworks if known.name not in {f for f, _ in found}]
    if missing:
        raise InvalidInput(f"the map has no entry of {missing[0]}")
    return EvidenceMap(frameworks, tuple(found.values()))


def _frameworks(path: Path) -> Iterator[Framework]:
    for name, about in _mapping(_load(path), path).items():
        known = _mapping(about, path)
        if set(known) != {"title", "version", "source"}:
            raise InvalidInput(f"{path.name}: {name} needs title, version and source")
        yield Framework(str(name), *(str(known[key]) for key in ("title", "version", "source")))


def _file(path: Path, frameworks: set[str]) -> Iterator[Requirement]:
    document = _mapping(_load(path), path)
    if set(document) != {"framework", "group", "scope", "requirements"}:
        raise InvalidInput(f"{path.name}: needs framework, group, scope and requirements, no more")
    framework = document["framework"]
    if framework not in frameworks:
        raise InvalidInput(f"{path.name}: {FRAMEWORKS} does not name {framework!r}")
    scope = _scope(document["scope"], path)
    seen: set[str] = set()
    for raw in _list(document["requirements"], path):
        for one in _entries(_mapping(raw, path), path):
            if one["id"] not in scope:
                raise InvalidInput(f"{path.name}: {one['id']} is not in the scope of this file")
            if one["id"] in seen:
                raise InvalidInput(f"{path.name}: {one['id']} occurs twice")
            seen.add(one["id"])
            yield _requirement(one, str(framework), str(document["group"]), scope, path)
    left = [name for name in scope if name not in seen]
    if left:
        raise InvalidInput(f"{path.name}: there is no entry for {', '.join(left)}")


def _scope(raw: Any, path: Path) -> dict[str, int]:
    """The ids in scope with their levels.

    A list names them; a mapping `"6.2": "1112"` says that section 6.2 of ASVS has four requirements
    of the levels 1, 1, 1 and 2.
    """
    if isinstance(raw, list):
        return {str(name): 0 for name in raw}
    found = {}
    for section, levels in _mapping(raw, path).items():
        if not (isinstance(levels, str) and levels and set(levels) <= set("123")):
            raise InvalidInput(f"{path.name}: the levels of section {section} cannot be read")
        for number, level in enumerate(levels, 1):
            found[f"v5.0.0-{section}.{number}"] = int(level)
    return found


def _entries(raw: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """An entry; one with `ids` stands for several that do not apply for the same reason."""
    if "ids" not in raw:
        if not isinstance(raw.get("id"), str):
            raise InvalidInput(f"{path.name}: an entry has no id")
        yield raw
        return
    if raw.get("status") != NOT_APPLICABLE or "id" in raw:
        raise InvalidInput(f"{path.name}: only what does not apply may share an entry")
    for name in _list(raw["ids"], path):
        yield {**{key: value for key, value in raw.items() if key != "ids"}, "id": str(name)}


def _requirement(
    raw: dict[str, Any], framework: str, group: str, scope: Mapping[str, int], path: Path
) -> Requirement:
    name = raw["id"]
    unknown = sorted(set(raw) - {"id", "status", *_TEXTS, *_LISTS})
    if unknown:
        raise InvalidInput(f"{path.name}: {name}: {unknown[0]} is not known")
    status = raw.get("status")
    if status not in STATUSES:
        raise InvalidInput(f"{path.name}: {name}: status is one of {', '.join(STATUSES)}")
    texts: dict[str, Any] = {key: " ".join(str(raw.get(key, "")).split()) for key in _TEXTS}
    lists: dict[str, Any] = {key: tuple(map(str, _list(raw.get(key, []), path))) for key in _LISTS}
    given = {key for key, value in (texts | lists).items() if value}
    for key in _NEEDS[status]:
        if key not in given:
            raise InvalidInput(f"{path.name}: {name}: {status} needs {key}")
    for key in _BARRED[status]:
        if key in given:
            raise InvalidInput(f"{path.name}: {name}: {status} cannot have {key}")
    documented = any(place.partition("#")[2] for place in lists["where"])
    if status in (MET, PARTLY) and not (lists["tests"] or documented):
        raise InvalidInput(f"{path.name}: {name}: no test and no section of a document shows it")
    return Requirement(framework, group, name, scope[name], status, **texts, **lists)


def _load(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotReady(f"{path.name} of the map cannot be read") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidInput(f"{path.name}{line}: {getattr(error, 'problem', 'no YAML')}") from None


def _mapping(raw: Any, path: Path) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidInput(f"{path.name}: a mapping is expected")
    return raw


def _list(raw: Any, path: Path) -> Iterable[Any]:
    if not isinstance(raw, list):
        raise InvalidInput(f"{path.name}: a list is expected, not {str(raw)[:40]!r}")
    return raw

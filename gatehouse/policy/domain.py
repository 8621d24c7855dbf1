"""What the assistant has: intents, responses, slots and roles that policies may name.

Given by the serving process, or read from `domain.yml` by the command line without loading the
framework. It must never decide anything; it only lets the checker find names that do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gatehouse.errors import InvalidInput

# The framework adds these to every domain, so a policy has to cover them too.
BUILT_IN_INTENTS = frozenset({"restart", "back", "session_start", "out_of_scope", "nlu_fallback"})


@dataclass(frozen=True, slots=True)
class Domain:
    """Names that exist. `slots` and `roles` None means that they are not checked.

    `spoken_slots` are those that are filled from what a person says.
    """

    intents: frozenset[str]
    responses: frozenset[str]
    slots: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    spoken_slots: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        intents: frozenset[str],
        responses: frozenset[str],
        *,
        slots: frozenset[str] | None = None,
        roles: frozenset[str] | None = None,
        spoken_slots: frozenset[str] = frozenset(),
    ) -> Domain:
        """The domain with the intents that the framework adds."""
        return cls(intents | BUILT_IN_INTENTS, responses, slots, roles, spoken_slots)


def read_domain(path: Path) -> Domain:
    """The names in `path`, a `domain.yml` or a directory of such files.

    Raises `InvalidInput` when it cannot be read.
    """
    files = sorted(path.glob("**/*.yml")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(f"{path} has no .yml file", "name the domain with --domain")
    intents: set[str] = set()
    responses: set[str] = set()
    slots: set[str] = set()
    spoken: set[str] = set()
    for file in files:
        content = _load(file)
        intents.update(_names(content.get("intents")))
        responses.update(_names(content.get("responses")))
        slots.update(_names(content.get("slots")))
        spoken.update(_spoken(content.get("slots")), _asked(content.get("forms")))
    return Domain.of(
        frozenset(intents),
        frozenset(responses),
        slots=frozenset(slots),
        spoken_slots=frozenset(spoken),
    )


def _load(file: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(
            f"{file} does not exist", "name the domain with --domain, or start in its directory"
        ) from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InvalidInput(f"{file} cannot be read: {type(error).__name__}") from error
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{file} is not a domain: keys with values are expected")
    return dict(content)


def _spoken(section: object) -> set[str]:
    """The slots with a mapping that takes a value from a message."""
    found: set[str] = set()
    for name, about in section.items() if isinstance(section, Mapping) else ():
        mappings = about.get("mappings") if isinstance(about, Mapping) else None
        for item in mappings if isinstance(mappings, list) else ():
            if not isinstance(item, Mapping) or item.get("type") != "custom" or "action" in item:
                found.add(str(name))
    return found


def _asked(section: object) -> set[str]:
    """The slots that forms ask for."""
    found: set[str] = set()
    for form in section.values() if isinstance(section, Mapping) else ():
        found |= _names(form.get("required_slots") if isinstance(form, Mapping) else None)
    return found


def _names(section: object) -> set[str]:
    if isinstance(section, Mapping):
        return {str(name) for name in section}
    if not isinstance(section, list):
        return set()
    names: set[str] = set()
    for item in section:
        names |= {str(name) for name in item} if isinstance(item, Mapping) else {str(item)}
    return names

"""Reads phrases with their intents and entities from files in Rasa's NLU format, without Rasa.

So that the checks on the phrases themselves need no model and no second of Rasa's loading. It
refuses a file that it does not understand rather than reading part of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

_ENTITY = re.compile(
    r'\[(?P<text>[^\]]+)\](?:\((?P<name>\w+)\)|\{"entity": ?"(?P<long>\w+)"[^}]*\})'
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One example: plain text, and entities as name, first character and the one after the last."""

    intent: str
    text: str
    entities: tuple[tuple[str, int, int], ...]


def read_phrases(paths: Iterable[Path]) -> list[Phrase]:
    """All phrases of the intents in `paths`, in order; raises `ValueError` for an unknown block."""
    return [
        parse_phrase(block["intent"], line)
        for path in paths
        for block in _blocks(path)
        if "intent" in block
        for line in example_lines(block)
    ]


def example_lines(block: dict[str, str]) -> list[str]:
    """The examples of one block, without their dashes."""
    lines = block["examples"].splitlines()
    if not all(line.startswith("- ") for line in lines):
        raise ValueError(f"not a list of examples: {block}")
    return [line[2:].strip() for line in lines]


def parse_phrase(intent: str, line: str) -> Phrase:
    """`line` with its annotations taken out and remembered."""
    text, entities, end = "", [], 0
    for match in _ENTITY.finditer(line):
        text += line[end : match.start()]
        entities.append((match["name"] or match["long"], len(text), len(text) + len(match["text"])))
        text += match["text"]
        end = match.end()
    return Phrase(intent, text + line[end:], tuple(entities))


def normalised(text: str) -> str:
    """`text` as compared for equality: no case, accents, punctuation or doubled space."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = re.sub(r"[^\w]+", " ", re.sub(r"['\u2019]", "", plain)).strip()
    return words or text


def _blocks(path: Path) -> list[dict[str, str]]:
    document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    blocks: list[dict[str, str]] = document["nlu"]
    for block in blocks:
        if not set(block) <= {"intent", "regex", "lookup", "synonym", "examples"}:
            raise ValueError(f"{path.name}: unknown block {sorted(block)}")
    return blocks

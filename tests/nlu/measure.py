"""Measures how well the trained model understands phrases that it was never trained on.

`python -m tests.nlu.measure` reads a model (by default `models/current.tar.gz`, with `--train` one
that it trains for the occasion) and prints the figures of `held_out.yml`, `fresh.yml` and `third.yml`; `--json`
prints them for programs. It must never write to `models/`, and it judges intents as a person meets
them: a message that ends in a question back is not understood.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.nlu.phrases import Phrase, read_phrases

HOME = Path(__file__).resolve().parents[2]
MODEL = HOME / "models" / "current.tar.gz"
SETS = {name: HOME / "tests" / "nlu" / f"{name}.yml" for name in ("held_out", "fresh", "third")}
OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
SENSITIVE = frozenset(
    {
        "view_salary",
        "view_payslip",
        "view_tax_withholding",
        "view_tax_form",
        "view_colleague_salary",
        "view_personal_details",
        "change_bank_account",
        "change_address",
        "look_up_person",
        "export_stored_data",
        "erase_stored_data",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model made of a phrase; `best` is its first guess even where it asks back."""

    phrase: Phrase
    intent: str
    best: str
    confidence: float
    entities: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are between 0 and 1; entities count when name, start and end are right."""

    phrases: int
    accuracy: float
    """Share of phrases of the desk whose intent is named; a question back is not."""
    first_guess_accuracy: float
    """The same, were the first guess always taken."""
    clarified: float
    misunderstood: float
    out_of_scope_phrases: int
    out_of_scope_recall: float
    """Share of foreign phrases that end out of scope or in a question back."""
    out_of_scope_named: float
    foreign_on_sensitive: tuple[str, ...]
    wrong_on_sensitive: tuple[str, ...]
    entity_precision: float
    entity_recall: float
    confusions: tuple[str, ...]


def read(model: Path, phrases: Sequence[Phrase]) -> list[Reading]:
    """What `model` makes of `phrases`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import structlog
        from rasa.core.agent import Agent

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        try:
            agent = Agent.load(model)
            return asyncio.run(_read_all(agent, phrases))
        finally:
            structlog.reset_defaults()


async def _read_all(agent: Any, phrases: Iterable[Phrase]) -> list[Reading]:
    return [_reading(phrase, await agent.parse_message(phrase.text)) for phrase in phrases]


def _reading(phrase: Phrase, parsed: dict[str, Any]) -> Reading:
    guesses = [guess for guess in parsed["intent_ranking"] if guess["name"] != FALLBACK]
    best = guesses[0] if guesses else {"name": FALLBACK, "confidence": 0.0}
    return Reading(
        phrase=phrase,
        intent=parsed["intent"]["name"] or FALLBACK,
        best=best["name"],
        confidence=best["confidence"],
        entities=tuple(
            (entity["entity"], entity["start"], entity["end"]) for entity in parsed["entities"]
        ),
    )


def figures(readings: Sequence[Reading]) -> Figures:
    """The figures of one set; it needs phrases of the desk and foreign ones."""
    ours = [r for r in readings if r.phrase.intent != OUT_OF_SCOPE]
    foreign = [r for r in readings if r.phrase.intent == OUT_OF_SCOPE]
    missed = [r for r in ours if r.intent not in (r.phrase.intent, FALLBACK)]
    expected = Counter((r.phrase.text, e) for r in ours for e in r.phrase.entities)
    found = Counter((r.phrase.text, e) for r in ours for e in r.entities)
    both = (expected & found).total()
    return Figures(
        phrases=len(ours),
        accuracy=_share(ours, [r for r in ours if r.intent == r.phrase.intent]),
        first_guess_accuracy=_share(ours, [r for r in ours if r.best == r.phrase.intent]),
        clarified=_share(ours, [r for r in ours if r.intent == FALLBACK]),
        misunderstood=_share(ours, missed),
        out_of_scope_phrases=len(foreign),
        out_of_scope_recall=_share(
            foreign, [r for r in foreign if r.intent in (OUT_OF_SCOPE, FALLBACK)]
        ),
        out_of_scope_named=_share(foreign, [r for r in foreign if r.intent == OUT_OF_SCOPE]),
        foreign_on_sensitive=_lines(r for r in foreign if r.intent in SENSITIVE),
        wrong_on_sensitive=_lines(r for r in missed if r.intent in SENSITIVE),
        entity_precision=round(both / found.total(), 4),
        entity_recall=round(both / expected.total(), 4),
        confusions=_lines(r for r in readings if r.intent != r.phrase.intent),
    )


def _share(whole: Sequence[Reading], part: Sequence[Reading]) -> float:
    return round(len(part) / len(whole), 4)


def _lines(readings: Iterable[Reading]) -> tuple[str, ...]:
    return tuple(
        f"{r.phrase.intent} → {r.intent} ({r.best} {r.confidence:.2f}): {r.phrase.text}"
        for r in readings
    )


def train_for_the_occasion(directory: Path) -> Path:
    """Train only the language understanding into `directory`; the path of the model."""
    command = [
        *(sys.executable, "-W", "ignore", "-m", "rasa", "train", "nlu", "--config", "config.yml"),
        *("--nlu", "data/nlu", "--out", str(directory), "--fixed-model-name", "measured"),
    ]
    subprocess.run(command, cwd=HOME, check=True, stdout=sys.stderr)
    return directory / "measured.tar.gz"


def measure(model: Path) -> dict[str, Figures]:
    """The figures of every set, by its name."""
    phrases = {name: read_phrases([path]) for name, path in SETS.items()}
    readings = iter(read(model, [phrase for group in phrases.values() for phrase in group]))
    return {name: figures([next(readings) for _ in group]) for name, group in phrases.items()}


def _print(name: str, result: Figures) -> None:
    print(
        f"{name}: {result.phrases} phrases, {result.out_of_scope_phrases} out of scope or foreign"
    )
    for label, value in (
        ("intent accuracy (a question back is wrong)", result.accuracy),
        ("accuracy of the first guess", result.first_guess_accuracy),
        ("asked back", result.clarified),
        ("misunderstood", result.misunderstood),
        ("out-of-scope recall (named or asked back)", result.out_of_scope_recall),
        ("out of scope by name", result.out_of_scope_named),
        ("entity precision", result.entity_precision),
        ("entity recall", result.entity_recall),
    ):
        print(f"  {label:44} {value:7.1%}")
    print(f"  {'foreign phrases on a sensitive intent':44} {len(result.foreign_on_sensitive):7}")
    print(
        f"  {'other phrases wrongly on a sensitive intent':44} {len(result.wrong_on_sensitive):7}"
    )
    for line in result.confusions:
        print(f"    {line}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when figures were printed, 6 when there is no model."""
    parser = argparse.ArgumentParser(prog="python -m tests.nlu.measure", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="a trained model")
    parser.add_argument("--train", action="store_true", help="train one for the occasion")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        model = train_for_the_occasion(Path(scratch)) if options.train else options.model
        if not model.is_file():
            print(f"error: no model at {model}\nhint: make model, or --train", file=sys.stderr)
            return 6
        results = measure(model)
    if options.json:
        print(json.dumps({name: _plain(result) for name, result in results.items()}, indent=2))
        return 0
    for name, result in results.items():
        _print(name, result)
    return 0


def _plain(result: Figures) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Figures.__slots__}


if __name__ == "__main__":
    sys.exit(main())

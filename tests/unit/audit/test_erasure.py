"""What the log of a deployment still says after an erasure, an end and an expiry: that, not who."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.audit import verify
from gatehouse.clock import SettableClock
from gatehouse.keys import KeyRing
from gatehouse.runtime import Runtime, open_runtime

PROJECT = Path(__file__).resolve().parents[3]
DAY = 86_400


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    shutil.copy(PROJECT / "domain.yml", tmp_path / "domain.yml")
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    clock = SettableClock()
    KeyRing.initialise(tmp_path / "var" / "keys", clock).close()
    runtime = open_runtime(tmp_path, clock)
    for person, conversation in (("p-1", "c-1"), ("p-2", "c-2")):
        runtime.conversations.started(conversation, person)
        runtime.audit.append(
            "decision",
            person=person,
            conversation=conversation,
            intent="view_salary",
            effect="deny",
        )
    yield runtime
    runtime.close()


def names(runtime: Runtime) -> set[str]:
    bodies = [json.loads(entry.body) for entry in runtime.audit.entries()]
    found = {body[key] for body in bodies for key in ("person", "conversation") if key in body}
    return {str(name) for name in found}


def test_an_erased_person_cannot_be_found_in_the_log(runtime: Runtime) -> None:
    """After erasure nobody computes their names any more; all entries and checkpoints still verify."""
    runtime.checkpoints.make()
    before = runtime.audit.pseudonyms("person", "p-1") + runtime.audit.pseudonyms(
        "conversation", "c-1"
    )
    assert 2 == len(set(before) & names(runtime))
    runtime.conversations.erase_person("p-1")
    assert [] == runtime.audit.pseudonyms("person", "p-1")
    assert [] == runtime.audit.pseudonyms("conversation", "c-1")
    assert set(before) <= names(runtime)
    runtime.audit.append("sign_in", person="p-1")
    assert set() == set(before) & set(runtime.audit.pseudonyms("person", "p-1"))
    assert 1 == len(set(runtime.audit.pseudonyms("person", "p-2")) & names(runtime))
    runtime.checkpoints.make()
    report = verify(runtime.audit, trust=runtime.checkpoints.trust)
    assert report.entries == report.checkpointed


def test_an_expired_conversation_cannot_be_found_in_the_log(runtime: Runtime) -> None:
    """A conversation's name ends with it; the person's goes on."""
    clock = runtime.clock
    assert isinstance(clock, SettableClock)
    assert 1 == len(runtime.audit.pseudonyms("conversation", "c-2"))
    clock.advance(runtime.settings.retention.ttl)
    assert [] == runtime.audit.pseudonyms("conversation", "c-2")
    runtime.purge()
    assert 1 == len(set(runtime.audit.pseudonyms("person", "p-2")) & names(runtime))
    verify(runtime.audit)


def test_the_purge_ends_names_that_lived_long_enough(runtime: Runtime) -> None:
    """After `audit.pseudonyms` and two quarters the running server's purge ends them by itself."""
    clock = runtime.clock
    assert isinstance(clock, SettableClock)
    old = set(runtime.audit.pseudonyms("person", "p-2"))
    clock.advance(runtime.settings.audit.pseudonyms + 180 * DAY)
    runtime.purge()
    assert set() == old & set(runtime.audit.pseudonyms("person", "p-2"))
    verify(runtime.audit)

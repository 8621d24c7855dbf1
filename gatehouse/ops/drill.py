"""Tries a backup: restores it into a throw-away place and talks to it.

The place is a private directory (and a database of its own on PostgreSQL), with a copy of the key
ring under a root that exists in this process's memory only: whatever is left of a drill that was
killed opens nothing, and no root of the deployment is ever made or ended by one. Nothing of the
drill leaves the machine: no webhooks, no event broker, no mail, no backups.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from rasa.core.agent import load_agent
from rasa.core.utils import AvailableEndpoints
from sqlalchemy.engine import make_url

from gatehouse import metrics
from gatehouse import runtime as composition
from gatehouse.audit import verify as verify_log
from gatehouse.backup import postgres, status
from gatehouse.backup.deployment import Progress, engine_of, scratch
from gatehouse.backup.manifest import Manifest
from gatehouse.backup.restoring import Restored, restore
from gatehouse.backup.targets import Target
from gatehouse.channel import rasa_side
from gatehouse.channel.failures import ApiError
from gatehouse.channel.speaker import Speaker
from gatehouse.channel.turn_loop import TurnLoop
from gatehouse.channel.turns import Turns
from gatehouse.clock import Clock
from gatehouse.dialogue import adjustments
from gatehouse.dialogue.in_process import InProcessActions
from gatehouse.errors import GatehouseError, NotReady
from gatehouse.keys import KeyRing
from gatehouse.keys.restoring import throw_away_copy
from gatehouse.policy.errors import PolicyInvalid
from gatehouse.runtime import Runtime, open_runtime
from gatehouse.settings import Settings, load_settings
from gatehouse.tracker.store import open_to_channel

SENTENCES: Final = ("hello", "What do you store about me?")
_CARRIED: Final = ("retention", "session", "step_up", "policy", "limits")
_DATABASE: Final = "gatehouse_drill_"
_PASSWORD_BYTES: Final = 24


class DrillFailed(GatehouseError):
    """The backup was restored and does not work."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill showed; `seconds` from the beginning to the last answer, `restored_in` to the
    end of the restore."""

    manifest: Manifest
    restored: Restored
    answers: int
    entries: int
    restored_in: float
    seconds: float


def drill(
    deployment: Runtime,
    target: Target,
    backup: Manifest,
    model: Path,
    progress: Progress,
    sentences: Sequence[str] = SENTENCES,
) -> Drilled:
    """Restore `backup` into a throw-away place, say `sentences` there, and record how it went.

    Runs in a process of its own: the services of this process are those of the drill afterwards.
    Raises `DrillFailed` and whatever a restore raises.
    """
    settings = deployment.settings
    if not model.is_file():
        raise NotReady("there is no trained model", "run `gatehouse train`")
    began = time.perf_counter()
    with status.alone(settings), postgres.alone(deployment.engine):
        try:
            done = _tried(deployment, target, backup, model, progress, sentences, began)
        except BaseException as error:
            _record(deployment, backup, began, failed=type(error).__name__)
            raise
    _record(deployment, backup, began)
    return done


def _record(deployment: Runtime, backup: Manifest, began: float, failed: str | None = None) -> None:
    seconds = round(time.perf_counter() - began, 1)
    status.note(
        deployment.settings,
        last_drill_at=deployment.clock.now(),
        last_drill_ok=failed is None,
        last_drill_id=backup.id,
        last_drill_seconds=seconds,
    )
    metrics.BACKUPS.add(outcome="drill_failed" if failed else "drilled")
    deployment.audit.append(
        "backup", operation="drill", backup=backup.id, passed=failed is None, reason=failed,
        seconds=int(seconds),
    )  # fmt: skip


def _tried(
    deployment: Runtime,
    target: Target,
    backup: Manifest,
    model: Path,
    progress: Progress,
    sentences: Sequence[str],
    began: float,
) -> Drilled:
    real = deployment.settings
    with scratch(real) as directory, _databases(real, backup) as urls:
        home = directory / "home"
        settings = _lay_out(real, home, urls)
        clock = deployment.clock
        keys = settings.path(settings.keys.directory)
        ring = throw_away_copy(deployment.ring, keys, clock)
        try:
            restored = restore(settings, clock, ring, target, backup.id, progress, "open")
            restored_in = time.perf_counter() - began
            runtime = _opened(home, clock, ring, backup)
            try:
                answers = _talk(runtime, real, model, sentences)
                entries = verify_log(runtime.audit, trust=runtime.checkpoints.trust).entries
                runtime.purge()
            finally:
                runtime.close()
        finally:
            ring.close()
        return Drilled(backup, restored, answers, entries, restored_in, time.perf_counter() - began)


def _opened(home: Path, clock: Clock, ring: KeyRing, backup: Manifest) -> Runtime:
    try:
        return open_runtime(home, clock, serving=True, ring=ring)
    except PolicyInvalid as error:
        raise DrillFailed(
            f"the backup is whole, and its policies do not fit the domain of now: {error.message}",
            f"it was made by version {backup.product}, before domain or policies changed; a restore "
            "leaves policies that are there as they are",
            "`gatehouse backup now` makes one that fits, and `gatehouse backup drill` tries it",
        ) from error


def _lay_out(real: Settings, home: Path, urls: dict[str, str]) -> Settings:
    """A home with the settings that conversations depend on, and none that reach anything outside."""
    home.mkdir(mode=0o700)
    shutil.copy(real.path("domain.yml"), home / "domain.yml")
    (home / "var" / "keys").mkdir(parents=True, mode=0o700)
    lines = []
    for section in _CARRIED:
        values = getattr(real, section)
        lines.append(f"[{section}]")
        for item in fields(values):
            value = getattr(values, item.name)
            if item.name not in ("store", "store_file", "directory"):
                lines.append(f"{item.name} = {_toml(value)}")
    lines += ["[backup]", "every = 0", f"records = {_toml(real.backup.records)}"]
    lines += ["[webhooks]", 'file = "no-webhooks.toml"']
    for section, url in urls.items():
        lines += [f"[{section}]", f"url = {_toml(url)}"]
    (home / "gatehouse.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "gatehouse.toml").chmod(0o600)
    return load_settings(home, {})


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


@contextmanager
def _databases(real: Settings, backup: Manifest) -> Iterator[dict[str, str]]:
    """The URLs of throw-away databases; none for SQLite, whose files lie in the drill's home."""
    named = {"database": "main", "audit": "audit", "records": "records"}
    wanted = {
        section: part
        for section, name in named.items()
        if (part := backup.part(name)) is not None and part.kind == "postgresql"
    }
    if not wanted:
        yield {}
        return
    url = make_url(real.database_url(real.database))
    if url.get_backend_name() != "postgresql":
        url = make_url(real.database_url(real.audit))
    name = _DATABASE + secrets.token_hex(4)
    admin = url.render_as_string(hide_password=False)
    try:
        _run(admin, *_left_over(admin), f'CREATE DATABASE "{name}"')
    except sa.exc.SQLAlchemyError as error:
        raise NotReady(
            "a database for the drill cannot be made",
            "the role needs CREATEDB: ALTER ROLE … CREATEDB",
        ) from error
    own = url.set(database=name).render_as_string(hide_password=False)
    try:
        for schema in {part.place for part in wanted.values()} - {"public"}:
            _run(own, f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        yield dict.fromkeys(wanted, own)
    finally:
        with suppress(sa.exc.SQLAlchemyError):
            _run(admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _left_over(admin: str) -> list[str]:
    """Commands that drop the databases of drills that were killed; only one drill runs at a time."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE 'gatehouse\\_drill\\_%'"
    with engine_of(admin) as engine, engine.connect() as connection:
        names = connection.execute(sa.text(query)).scalars().all()
    return [f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in names]


def _run(url: str, *commands: str) -> None:
    with engine_of(url) as engine, engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for command in commands:
            connection.exec_driver_sql(command)


def _talk(runtime: Runtime, real: Settings, model: Path, sentences: Sequence[str]) -> int:
    """Say `sentences` to the assistant as somebody new; how many answers came.

    Raises `DrillFailed` when one is refused, or the conversation does not read back.
    """
    os.environ["GATEHOUSE_HOME"] = str(runtime.settings.home)
    composition.install(runtime)
    adjustments.apply()
    open_to_channel()
    runtime.record_start()
    person = runtime.directory.add(
        f"drill-{secrets.token_hex(4)}",
        "Drill",
        [_role(runtime)],
        secrets.token_urlsafe(_PASSWORD_BYTES),
        must_change_password=False,
    )
    _, session = runtime.sessions.open(person)
    speaker = Speaker(session, person, "internal")

    async def talk() -> int:
        endpoints = AvailableEndpoints.read_endpoints(str(real.path("endpoints.yml")))
        endpoints.action = InProcessActions()
        endpoints.event_broker = endpoints.lock_store = endpoints.nlg = endpoints.model = None
        agent = await load_agent(model_path=str(model), endpoints=endpoints)
        app: Any = SimpleNamespace(ctx=SimpleNamespace(agent=agent))
        ready = rasa_side.ready_agent(app)
        answered = 0
        async with aclosing(TurnLoop()) as loop:
            turns = Turns(runtime, lambda: ready, loop)
            for sentence in sentences:
                reply = await turns.say(speaker, secrets.token_hex(16), sentence)
                answered += bool(reply.messages)
            past = await turns.past(speaker)
        if answered < len(sentences) or len(past) < 2 * len(sentences):
            raise DrillFailed("the restored assistant did not answer, or lost what was said")
        return answered

    try:
        return asyncio.run(talk())
    except ApiError as error:
        raise DrillFailed(
            "the restored assistant refused a message", "look at the log lines above"
        ) from error


def _role(runtime: Runtime) -> str:
    """The role that most people have, or any."""
    counts: dict[str, int] = dict.fromkeys(sorted(runtime.policies.current().roles), 0)
    for person in runtime.directory.people():
        for role in person.roles & counts.keys():
            counts[role] += 1
    return max(counts, key=lambda role: counts[role])

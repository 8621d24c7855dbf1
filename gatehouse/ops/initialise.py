"""What a deployment needs before its first start: keys, tables, certificate, perhaps the demo.

Safe to run again and after an interruption: each part is made only when it is missing, and a part
that exists is never replaced, because keys that are made anew orphan every conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyotp

from gatehouse.clock import SystemClock, as_datetime
from gatehouse.db import file_of
from gatehouse.errors import InvalidInput, Unavailable
from gatehouse.keys import make_ring, ring_is_made
from gatehouse.ops import demo as demonstration
from gatehouse.ops.tls import ensure_certificate
from gatehouse.policy import json_schema, load_directory, read_domain
from gatehouse.production import demo_marker
from gatehouse.runtime import Runtime, open_runtime
from gatehouse.settings import Settings, load_settings


def initialise(home: Path, *, demo: bool = False) -> Iterator[str]:
    """Make what is missing in `home`, yielding a line for each part that was made.

    Raises `InvalidInput` when a demonstration is asked for in a deployment that was not started as
    one, so that demo people never get into real tables, and `KeyRingDamaged` when a key of a ring that
    is there does not open: nothing may be called ready that loses a conversation.
    """
    settings = load_settings(home)
    clock = SystemClock()
    if not ring_is_made(settings):
        _require_policies(settings)
        make_ring(settings, clock)
        if demo:
            demo_marker(settings).touch(mode=0o600)
        yield "keys made"
    elif demo and not demo_marker(settings).exists():
        raise InvalidInput(
            "this deployment was not started as a demonstration; no demo account was added",
            "use a fresh home directory for the demonstration",
        )
    if ensure_certificate(settings, clock.now()):
        yield "certificate for https://localhost made"
    runtime = open_runtime(home)
    runtime.ring.check()
    if runtime.audit.size() == 0:  # also after an interruption: the first entry of the log
        runtime.audit.append("key_operation", operation="make")
    if demo and not demonstration.secrets_file(settings).exists():
        _make_demo(runtime, settings)
        yield "demonstration made: one account per role, records of an invented organisation"
    elif demo and _seed_again(runtime, settings):
        yield "records of the invented organisation made anew"
    if _write_schemas(runtime, settings):
        yield "schemas made, with which editors complete policy files"


def _require_policies(settings: Settings) -> None:
    """Raise what is wrong with the policies before anything is made that needs them."""
    domain = read_domain(settings.path("domain.yml"))
    load_directory(settings.path(settings.policy.directory), domain, settings.policy.time_zone)


def _write_schemas(runtime: Runtime, settings: Settings) -> bool:
    """A help for those who edit; a directory that nobody may write to here is no reason to stop."""
    directory = settings.path(settings.policy.directory)
    try:
        return bool(json_schema.write(directory, runtime.policies.current().vocabulary))
    except Unavailable:
        return False


def _seed_again(runtime: Runtime, settings: Settings) -> bool:
    """The demonstration's records, if somebody took their file away; whether that was so."""
    file = file_of(settings.database_url(settings.records))
    if file is None or file.exists():
        return False
    today = as_datetime(runtime.clock.now()).date()
    demonstration.load_package().seed_records(settings, today)
    return True


def _make_demo(runtime: Runtime, settings: Settings) -> None:
    package = demonstration.load_package()
    package.seed_records(settings, as_datetime(runtime.clock.now()).date())
    password = demonstration.make_password()
    totp = {}
    for account in package.ACCOUNTS:
        person = runtime.directory.by_username(account.username)
        if person is None:
            person = runtime.directory.add(
                username=account.username,
                display_name=account.display_name,
                roles=account.roles,
                department=account.department,
                employment_type=account.employment_type,
                employee_id=account.employee_id,
                password=password,
                must_change_password=False,
                demo=True,
            )
        else:  # an earlier attempt was interrupted before the secrets were kept
            runtime.directory.set_password(person.id, password)
        totp[account.username] = pyotp.random_base32()
        runtime.totp.set_demo_secret(person.id, totp[account.username])
    runtime.audit.append("administration", what="demonstration accounts made", count=len(totp))
    demonstration.write_secrets(settings, password, totp)

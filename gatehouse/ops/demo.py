"""The demonstration: accounts and records of an invented organisation, only where asked for.

Passwords and second factors are made at random for each installation and kept in one file, so that
no two demonstrations share a secret. Keys made here are marked and refused in production.
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import pyotp

from gatehouse.clock import Clock
from gatehouse.errors import InvalidInput, NotReady
from gatehouse.settings import Settings

# From these a password is made that is easy to read off one screen and type into another.
WORDS = tuple(
    """
    amber anchor aspen atlas basil beacon birch breeze bridge canal candle cedar clover comet coral
    cotton crane delta ember fable falcon fern flint forest garnet ginger glacier harbor hazel heron
    indigo iris island ivory jasper juniper kettle lagoon lantern laurel lemon linen magnet maple
    marble meadow mosaic nectar olive onyx orbit orchid otter pebble pepper pine prairie quartz raven
    ribbon saffron sail silver slate spruce thistle timber tulip velvet violet walnut willow
    """.split()  # noqa: SIM905 - seventy quoted words would hide that these are words
)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of the demonstration; `employee_id` names the person in the system of record."""

    username: str
    display_name: str
    roles: frozenset[str]
    department: str
    employment_type: str
    employee_id: str


class DemoPackage(Protocol):
    """What a project offers for its demonstration (here: the module `actions.demo`)."""

    ACCOUNTS: tuple[DemoAccount, ...]

    def seed_records(self, settings: Settings, today: date) -> None: ...


class Accounts(Protocol):
    """The part of the runtime that creating accounts needs."""

    def create(self, account: DemoAccount, password: str, totp_secret: str) -> None: ...


def load_package(name: str = "actions.demo") -> DemoPackage:
    """The project's demonstration; raises `NotReady` when it has none."""
    try:
        package: DemoPackage = importlib.import_module(name)
    except ImportError as error:
        raise NotReady(
            "this project has no demonstration", f"it would be the module {name}"
        ) from error
    return package


def secrets_file(settings: Settings) -> Path:
    return settings.path("var/demo.json")


def make_password() -> str:
    """Four random words and a number, easy to type from a terminal."""
    words = "-".join(secrets.choice(WORDS) for _ in range(4))
    return f"{words}-{secrets.randbelow(90) + 10}"


def write_secrets(settings: Settings, password: str, totp: Mapping[str, str]) -> None:
    """Keep the demonstration's password and TOTP secrets, readable by the owner only."""
    path = secrets_file(settings)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"password": password, "totp": dict(totp)}, file, indent=1)


def read_secrets(settings: Settings) -> tuple[str, Mapping[str, str]]:
    """The demonstration's password and the TOTP secret per username."""
    try:
        document = json.loads(secrets_file(settings).read_text(encoding="utf-8"))
        return str(document["password"]), dict(document["totp"])
    except FileNotFoundError as error:
        raise NotReady(
            "there is no demonstration here", "run `gatehouse init --demo` in a fresh directory"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput("the file of the demonstration's secrets cannot be read") from error


def current_code(settings: Settings, username: str, clock: Clock) -> tuple[str, int]:
    """The code of a demo account's authenticator now, and the seconds it is still shown."""
    _, totp = read_secrets(settings)
    matches = [name for name in totp if name == username or name.startswith(f"{username}.")]
    if len(matches) != 1:
        raise InvalidInput(
            f"no demo account is called {username!r}", f"accounts: {', '.join(totp)}"
        )
    now = clock.now()
    return pyotp.TOTP(totp[matches[0]]).at(int(now)), 30 - int(now) % 30

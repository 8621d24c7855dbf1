"""What the commands of `gatehouse policy` have in common: which files they read, how they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput
from gatehouse.policy.domain import read_domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import did_you_mean
from gatehouse.policy.loader import load_directory
from gatehouse.settings import load_settings

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Files:
    """Which files a command works on; None: those of the deployment."""

    directory: Path | None
    domain: Path | None

    def load(self) -> PolicySet:
        """The checked and tested policies. Raises `PolicyInvalid`."""
        home = home_directory() if None in (self.directory, self.domain) else Path.cwd()
        settings = load_settings(home)
        directory = self.directory or settings.path(settings.policy.directory)
        domain = read_domain(self.domain or home / "domain.yml")
        return load_directory(directory, domain, settings.policy.time_zone)


def files_options(command: Command) -> Command:
    """Adds `--directory` and `--domain`."""
    for name, text in (
        ("--domain", "The domain.yml, or a directory of such files."),
        ("--directory", "The policy directory."),
    ):
        command = click.option(name, type=click.Path(path_type=Path), help=text)(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def known(word: str, words: Any, noun: str) -> None:
    """Raises `InvalidInput` with a hint when `word` is none of `words`."""
    if word not in words:
        hint = did_you_mean(word, words)
        raise InvalidInput(f"unknown {noun} `{word}`", *([hint] if hint else []))


def print_json(value: object) -> None:
    """`value` on stdout, for people and programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))

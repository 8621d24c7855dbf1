"""What the commands of `gatehouse policy` have in common: which files they read, how they print."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.home import home_directory
from gatehouse.errors import InvalidInput
from gatehouse.policy.domain import Domain, read_domain
from gatehouse.policy.engine import PolicySet
from gatehouse.policy.errors import PolicyInvalid, Problems, did_you_mean
from gatehouse.policy.history import NAME, History
from gatehouse.policy.loader import build_untested, load_directory
from gatehouse.policy.sources import TESTS, Sources, read_directory
from gatehouse.settings import load_settings

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Files:
    """Which files a command works on; None: those of the deployment."""

    directory: Path | None
    domain: Path | None

    def home(self) -> Path:
        """The deployment, or the current directory when nothing of it is needed."""
        return home_directory() if None in (self.directory, self.domain) else Path.cwd()

    def load(self) -> PolicySet:
        """The checked and tested policies. Raises `PolicyInvalid`."""
        settings = load_settings(self.home())
        return load_directory(self.place(), self.names(), settings.policy.time_zone)

    def load_untested(self) -> PolicySet:
        """The checked policies, to look at what they do; their tests may fail. Raises `PolicyInvalid`."""
        settings = load_settings(self.home())
        problems = Problems()
        sources = read_directory(self.place(), problems)
        return build_untested(sources, self.names(), settings.policy.time_zone, problems)

    def place(self) -> Path:
        """The policy directory."""
        settings = load_settings(self.home())
        return self.directory or settings.path(settings.policy.directory)

    def names(self) -> Domain:
        """The intents, responses, slots and roles that policies may name."""
        return read_domain(self.domain_path())

    def domain_path(self) -> Path:
        """The domain, a file or a directory."""
        return self.domain or self.home() / "domain.yml"

    def find(self, wanted: str) -> PolicySet:
        """The policies of a directory, or of a revision that was in force (see `History.find`).

        A revision is read with today's domain and its policy tests are not run: it was in force. If
        they do not fit the domain any more, they are left out.
        """
        if is_directory(wanted):
            return Files(Path(wanted), self.domain).load_untested()
        settings = load_settings(home_directory())
        history = History(settings.path("var/policy") / NAME)
        sources = history.load(history.find(wanted))
        domain, zone = self.names(), settings.policy.time_zone
        try:
            return build_untested(Sources(wanted, sources.files), domain, zone)
        except PolicyInvalid:
            rules = {
                name: data
                for name, data in sources.files.items()
                if not name.startswith(f"{TESTS}/")
            }
            found = build_untested(Sources(wanted, rules), domain, zone)
            return PolicySet(found.vocabulary, found.rules, sources.revision)


def is_directory(wanted: str) -> bool:
    """Whether a command's word names a directory and not a revision."""
    return os.sep in wanted or Path(wanted).is_dir()


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

"""The tables of this package against the Rasa that is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from gatehouse_lean import channels, components
from gatehouse_lean.placeholder import PlaceholderModule, PlaceholderType
from rasa.core.channels import BUILTIN_CHANNELS
from rasa.core.run import _create_single_channel
from rasa.engine.recipes.default_components import DEFAULT_COMPONENTS
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.exceptions import InvalidConfigException, RasaException
from tiny_project import environment


def uses_placeholders(module: str) -> bool:
    """Whether the module holds a name that only a placeholder gave it."""
    kinds = (PlaceholderModule, PlaceholderType)
    return any(isinstance(value, kinds) for value in vars(sys.modules[module]).values())


def test_rasa_is_the_version_that_this_was_written_for() -> None:
    """Another Rasa needs every module of this package to be looked at again."""
    assert ("3.6.21", "3.6.2") == (version("rasa"), version("rasa-sdk"))


def test_the_components_that_need_tensorflow_are_all_named() -> None:
    """A component of Rasa whose module uses a placeholder is in the table, and no other."""
    found = {kind.__name__ for kind in DEFAULT_COMPONENTS if uses_placeholders(kind.__module__)}
    assert set(components.NEED_TENSORFLOW) == found


@pytest.mark.parametrize(
    ("section", "name", "said"),
    [
        *(("pipeline", name, name) for name in sorted(components.NEED_TENSORFLOW)),
        ("policies", "rasa.core.policies.ted_policy.TEDPolicy", "TEDPolicy"),
    ],
)
def test_a_component_that_needs_tensorflow_is_refused_by_name(
    section: str, name: str, said: str
) -> None:
    """Wherever and however it is configured, the recipe names it and says what to install."""
    config = {"pipeline": [{"name": "WhitespaceTokenizer"}], "policies": [{"name": "RulePolicy"}]}
    config[section].append({"name": name})
    with pytest.raises(InvalidConfigException, match=rf"^{said} .*pip install --no-deps"):
        DefaultV1Recipe().graph_config_for_recipe(config, {})


def test_other_components_pass_the_check() -> None:
    """A pipeline without TensorFlow becomes a graph as before."""
    config = {"pipeline": [{"name": "WhitespaceTokenizer"}], "policies": [{"name": "RulePolicy"}]}
    made = DefaultV1Recipe().graph_config_for_recipe(config, {})
    assert "run_WhitespaceTokenizer0" in made.predict_schema.nodes


def test_the_channels_that_need_a_library_are_all_named() -> None:
    """A channel of Rasa whose module uses a placeholder is in the table."""
    found = {name for name, kind in BUILTIN_CHANNELS.items() if uses_placeholders(kind.__module__)}
    lazily = {"rocketchat"}  # imports its library when it is made
    assert set(channels.LIBRARIES) == found | lazily


@pytest.mark.parametrize("channel", sorted(channels.LIBRARIES))
def test_a_channel_without_its_library_is_refused_by_name(channel: str) -> None:
    """Configuring such a channel says what to install, before anything is served."""
    with pytest.raises(RasaException, match=rf"'{channel}'.*pip install"):
        _create_single_channel(channel, {})


def test_a_channel_without_a_library_of_its_own_is_made() -> None:
    """The check lets Rasa's own channels through."""
    assert "rest" == _create_single_channel("rest", {}).name()


@pytest.mark.slow
def test_telemetry_stays_off_whatever_the_environment_says(tmp_path: Path) -> None:
    """Neither the variable nor the file in the home directory can switch reporting on."""
    settings = tmp_path / ".config" / "rasa" / "global.yml"
    settings.parent.mkdir(parents=True)
    settings.write_text("metrics:\n  enabled: true\n  rasa_user_id: x\n  date: 2026-01-01\n")
    result = subprocess.run(
        [sys.executable, "-c", "from rasa.telemetry import *; print(is_telemetry_enabled())"],
        env=environment(tmp_path) | {"RASA_TELEMETRY_ENABLED": "true"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert ("False\n", "") == (result.stdout, result.stderr)


@pytest.mark.slow
def test_importing_the_server_says_nothing(tmp_path: Path) -> None:
    """No warning of a third party reaches the terminal when Rasa and rasa-sdk are imported."""
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import rasa.__main__, rasa.core.run, rasa_sdk.__main__, rasa.core.test",
        ],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)

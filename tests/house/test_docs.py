"""The docs name everything that there is."""

import hashlib
from pathlib import Path

import click
import pytest

from ddaemon.cli.main import COMMANDS, cli
from ddaemon.daemon.home.config import every_setting
from ddaemon.record.json_schema import schema_text
from ddaemon.stages.settings import BUILT_IN_CHAIN

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_names_every_command_and_its_parts(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert f"`ddaemon {name}" in README
    for part in getattr(command, "commands", {}):
        assert part in README
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.opts[0] in README, f"{option.opts[0]} of ddaemon {name}"


@pytest.mark.parametrize(("name", "default"), [(n, d) for n, d, _ in every_setting()])
def test_readme_names_every_setting_with_its_default(name: str, default: str) -> None:
    assert f"| `{name}` | `{default}` |" in README


@pytest.mark.parametrize("name", BUILT_IN_CHAIN)
def test_readme_names_every_stage(name: str) -> None:
    assert f"**{name}**" in README


def test_every_command_and_option_has_help() -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.help, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{name} {option.name}"


def test_readme_says_why_each_dependency_is_there() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        assert f"| `{requirement.split('>=')[0]}` |" in README


def test_the_schema_of_the_verdict_is_the_one_of_the_types() -> None:
    written = (ROOT / "docs" / "verdict.schema.json").read_text()
    assert written == schema_text(), "the types have changed: run `make schema`"


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "NOTICE", "stages/data/README.md"],
)
def test_the_usual_files_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200


def test_the_model_card_names_the_very_weights_that_are_shipped() -> None:
    weights = ROOT / "storage" / "detectors" / "lite0-sequence" / "weights.npz"
    card = (ROOT / "docs" / "detector.md").read_text()
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in card
    assert weights.stat().st_size <= 15_000_000

"""The options of `ddaemon train` and its steps; the recipe's are made from its fields."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from ..training.run.recipe import Recipe


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--recipe, and one option for each plain field of the recipe."""
    for name, field in reversed(Recipe.model_fields.items()):
        if kind := _kind(field.annotation):
            what = f"{field.description}."
            shown = f"{what[0].upper()}{what[1:]}" + _default(field.default)
            command = click.option(_flag(name), name, default=None, help=shown, **kind)(command)
    return click.option(
        "--recipe",
        "recipe_file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A TOML file of these settings (docs/training.md); options win over it.",
    )(command)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name the run."""
    options = (
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            help="The run's folder; by default runs/<time>-<data set> in the home.",
        ),
        click.option("--name", help="Name of the detector; by default that of the run."),
        click.option(
            "--resume", is_flag=True, help="Continue the run in --out, or DATASET's latest one."
        ),
        workers_option,
        registry_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def workers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """How many processes."""
    what = "Worker processes; by default one per core."
    return click.option("--workers", type=click.IntRange(min=1), help=what)(command)


def registry_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option for the detector's folder."""
    folder = click.Path(path_type=Path, file_okay=False)
    what = "Where the detector's folder goes; by default the home's registry."
    return click.option("--registry", type=folder, help=what)(command)


def _kind(annotation: Any) -> dict[str, Any]:
    """What click needs to know about a field; empty for one that is not a plain value."""
    if annotation is bool:
        return {"is_flag": True}
    if get_origin(annotation) is Literal:
        return {"type": click.Choice(get_args(annotation))}
    return {"type": annotation} if annotation in (int, float, str) else {}


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _default(value: Any) -> str:
    return "" if value is False or value == "" else f"  [default: {value}]"

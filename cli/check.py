"""`ddaemon check`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..daemon.home.home import Home
from ..storage.errors import DdaemonError
from ..storage.text import printable
from .show import verdict

if TYPE_CHECKING:
    from ..daemon.verify.checker import Checker, OnProgress


@click.command("check")
@click.argument(
    "videos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON record a line (docs/verdict.schema.json).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each video's verdict.json, report.html and heatmap.png into a subfolder.",
)
@click.option("--detector", help="Judge with this detector instead of the active one.")
@click.pass_context
def command(
    context: click.Context,
    videos: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    detector: str | None,
) -> None:
    """Judge VIDEOS now, by the same chain of stages but without the queue.

    Exit 0 when each video got a decision, 1 otherwise.
    """
    from ..daemon.home.config import read_config_if_any
    from ..daemon.verify.checker import Checker
    from ..storage.registry import Registry

    home: Home = context.obj
    config = read_config_if_any(home.config)
    registry = Registry(home.detectors)
    chosen = registry.get(detector) if detector else registry.active()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    failures = 0
    with Checker(config, chosen, videos, out) as checker:
        for video in videos:
            failures += not _check_one(checker, video, as_json)
    context.exit(1 if failures else 0)


def _check_one(checker: "Checker", video: Path, as_json: bool) -> bool:
    try:
        with _progress(video) as on_progress:
            record = checker.check(video, on_progress)
    except (DdaemonError, OSError) as error:
        click.echo(f"ddaemon: {printable(f'{video}: {error}')}", err=True)
        return False
    click.echo(json.dumps(record) if as_json else verdict(record))
    return True


@contextmanager
def _progress(video: Path) -> Iterator["OnProgress"]:
    """A bar on the terminal's error stream; nothing where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    name = TextColumn("{task.description}", markup=False)  # [red] may be part of a name
    columns = (name, BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(printable(video.name), total=100)
        yield lambda stage, percent: bar.update(
            task, completed=percent, description=f"{printable(video.name)} {stage or ''}"
        )

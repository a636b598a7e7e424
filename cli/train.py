"""`ddaemon train`: from labelled videos to a detector in the registry, whole or step by step."""

from pathlib import Path
from typing import Any

import click

from ..daemon.home.home import Home
from ..training.run.recipe import make_recipe
from .progress import shown_progress
from .train_options import recipe_options, registry_option, run_options, workers_option

WHOLE = "all"
STEPS = {
    "finetune": "Fine-tune the backbone of RUN on its face crops (if begun with --finetune).",
    "features": "Compute the vectors of every video of RUN.",
    "fit": "Balance the training part of RUN, and fit the head.",
    "evaluate": "Calibrate, choose thresholds, and write RUN's report.",
    "publish": "Put RUN's detector into the registry.",
}


class StepsOrAll(click.Group):
    """`ddaemon train DATASET` is every step; `ddaemon train fit RUN` is one of them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [WHOLE, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands[WHOLE].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group("train", cls=StepsOrAll, subcommand_metavar="DATASET | STEP RUN")
def command() -> None:
    """Learn from DATASET (a folder, a zip or a CSV of labelled videos or face images), report what
    was learned, and put the detector into the registry (docs/training.md)."""


@command.command(WHOLE, hidden=True)
@click.argument("dataset", required=False, type=click.Path(path_type=Path, exists=True))
@recipe_options
@run_options
@click.option("--use", is_flag=True, help="Let the new detector judge from the next job on.")
@click.pass_obj
def train_all(
    home: Home, /, use: bool, workers: int | None, registry: Path | None, **given: Any
) -> None:
    """Every step."""
    from ..training.steps.pipeline import STEPS as EVERY

    if use and registry:
        raise click.UsageError("--use is for the home's registry, not for --registry")
    run = _begin(home, registry, **given)
    _do(home, run, tuple(EVERY), workers, registry)
    if use:
        from ..daemon.home.detector_choice import use_detector

        use_detector(home, run.name)
        click.echo(f"{run.name} judges now; `ddaemon detectors rollback` takes that back")


@command.command("index")
@click.argument("dataset", required=False, type=click.Path(path_type=Path, exists=True))
@recipe_options
@run_options
@click.pass_obj
def train_index(home: Home, /, workers: int | None, registry: Path | None, **given: Any) -> None:
    """Begin a run: list, check and split DATASET."""
    run = _begin(home, registry, **given)
    _do(home, run, ("index",), workers, registry)
    click.echo(f"next: ddaemon train features {run.folder}")


def _step(name: str, what: str) -> None:
    @command.command(name, help=what)
    @click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
    @recipe_options
    @workers_option
    @registry_option
    @click.pass_obj
    def step(
        home: Home,
        /,
        run: Path,
        recipe_file: Path | None,
        workers: int | None,
        registry: Path | None,
        **flags: Any,
    ) -> None:
        from ..training.run.folder import open_run

        known = open_run(run).with_changes(recipe_file, _given(flags))
        _do(home, known, (name,), workers, registry)


for _name, _what in STEPS.items():
    _step(_name, _what)


def _begin(
    home: Home,
    registry: Path | None,
    dataset: Path | None,
    recipe_file: Path | None,
    out: Path | None,
    name: str | None,
    resume: bool,
    **flags: Any,
) -> Any:
    from ..storage.registry import Registry
    from ..training.run.folder import begin_run, resume_run

    if resume:
        run = resume_run(home.runs, dataset, out, name)
        return run.with_changes(recipe_file, _given(flags))
    if dataset is None:
        raise click.UsageError("name the DATASET to learn from, or --resume a run")
    recipe = make_recipe(recipe_file, _given(flags))
    taken = _names_in(registry) if registry else Registry(home.detectors).names()
    return begin_run(home.runs, dataset, recipe, out, name, taken)


def _names_in(registry: Path) -> list[str]:
    return [path.name for path in registry.iterdir()] if registry.is_dir() else []


def _do(
    home: Home, run: Any, steps: tuple[str, ...], workers: int | None, registry: Path | None
) -> None:
    from ..storage.registry import Registry
    from ..training.steps.context import RunContext
    from ..training.steps.pipeline import do_steps

    with run.hold(), shown_progress() as progress:
        click.echo(f"run {run.folder}")
        context = RunContext(
            run=run,
            registry=Registry(home.detectors),
            detectors_folder=registry or home.detectors,
            cache=home.cache,
            progress=progress,
            announce=click.echo,
            requested_workers=workers,
        )
        do_steps(context, steps)


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}

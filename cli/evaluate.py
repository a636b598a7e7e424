"""`ddaemon evaluate`."""

import os
import time
from pathlib import Path

import click

from ..daemon.home.home import Home
from .progress import shown_progress


@click.command("evaluate")
@click.argument("datasets", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--detector",
    "names",
    multiple=True,
    help="Can be repeated; by default the active one.",
)
@click.option(
    "--frames",
    default=32,
    show_default=True,
    help="Frames per video; degraded views of a face image, where 1 is the image as it is.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Judge only this split, as the data sets themselves define it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The report's folder; by default runs/<time>-evaluation in the home.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Worker processes; by default one per core.",
)
@click.option(
    "--envelope",
    type=click.Path(path_type=Path, file_okay=False),
    help="Learn the operating envelope from these videos (docs/stages.md), and write the detector "
    "with it, as its next version, into this folder.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print metrics.json.")
@click.pass_obj
def command(
    home: Home,
    datasets: tuple[Path, ...],
    names: tuple[str, ...],
    frames: int,
    split: str | None,
    out: Path | None,
    workers: int | None,
    envelope: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure detectors on labelled DATASETS, several side by side, and write the report."""
    from ..storage.registry import Registry
    from ..training.judging.comparing import Comparison, compare_detectors
    from ..training.judging.enveloping import learn_and_write

    registry = Registry(home.detectors)
    chosen = names or (registry.active_name(),)
    moment = time.strftime("%Y%m%d-%H%M%S")
    comparison = Comparison(
        datasets=datasets,
        detectors=tuple(registry.get(name) for name in chosen),
        frames=frames,
        seed=seed,
        out=(out or home.runs / f"{moment}-evaluation").absolute(),
        cache=home.cache,
        workers=workers or os.cpu_count() or 1,
        command=_command(datasets, chosen, frames, split, seed, envelope is not None),
        split=split,
    )
    with shown_progress() as progress:
        if envelope is not None:
            bounded = learn_and_write(comparison, envelope, progress)
            click.echo(f"detector: {bounded.path}", err=as_json)
        metrics = compare_detectors(
            comparison, progress, lambda text: click.echo(text, err=as_json)
        )
    if as_json:
        import json

        click.echo(json.dumps(metrics))
        return
    for line in metrics["verdicts"]:
        click.echo(line)
    click.echo(f"report: {comparison.out / 'report.html'}")


def _command(
    datasets: tuple[Path, ...],
    names: tuple[str, ...],
    frames: int,
    split: str | None,
    seed: int,
    envelope: bool,
) -> str:
    """The command, without this machine's folders."""
    words = ["ddaemon evaluate", *(dataset.name for dataset in datasets)]
    words += [f"--detector {name}" for name in names]
    words += [f"--split {split}"] if split else []
    words += ["--envelope DIR"] if envelope else []
    return " ".join([*words, f"--frames {frames} --seed {seed}"])

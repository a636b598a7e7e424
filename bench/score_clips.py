"""Judges every clip of labelled folders and prints how well real and fake were told apart.

    .venv/bin/python bench/score_clips.py ../shared/data/clips

A folder holds `clips.csv` with the columns path, label (real or fake), kind and group; the fakes of
all folders are compared with the reals of all. Figures are for whole videos, with 95 % intervals
from a bootstrap over groups: clips of one group share a scene, so they are drawn together. With
--reencode every clip is first brought to the same size and codec, because in such a small set these
differ by label.
"""

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import click
import cv2
import numpy as np
from labelled_clips import Row, read_rows, rewrite_clip, write_rows
from sklearn.metrics import roc_auc_score

from ddaemon.daemon.home.config import Config
from ddaemon.daemon.verify.checker import Checker
from ddaemon.record.words import percent
from ddaemon.stages.media.video import Image
from ddaemon.storage.registry import Registry

CRF, SIDE = 28, 480
TOLD = ("path", "label", "kind", "group", "decision", "reason", "probability")
ROUNDS = 2000
SEED = 1
KINDS = {
    "swaps and lip sync": ("swap", "lip_sync"),
    "one-picture talking heads": ("talking_head",),
    "wholly generated people": ("generated",),
}


@click.command()
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option("--detector", help="By default the bundled one.")
@click.option(
    "--registry",
    "place",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of detectors, such as that of `ddaemon train --registry`.",
)
@click.option("--frames", default=32, show_default=True)
@click.option("--reencode", is_flag=True, help="H.264 at CRF 28, longer side 480, for every clip.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Also write every score.")
def main(
    folders: tuple[Path, ...],
    detector: str | None,
    place: Path | None,
    frames: int,
    reencode: bool,
    table: Path | None,
) -> None:
    registry = Registry(place) if place else Registry.of_bundled()
    chosen = registry.get(detector) if detector else registry.active()
    config = Config.model_validate({"frames": {"count": frames}})
    rows = [row | {"clip": folder / row["path"]} for folder in folders for row in read_rows(folder)]
    with (
        tempfile.TemporaryDirectory() as scratch,
        Checker(config, chosen, [*folders, Path(scratch)]) as checker,
    ):
        for row in rows:
            clip = row["clip"]
            if reencode:
                clip = rewrite_clip(clip, Path(scratch) / "clip.mp4", resized, CRF)
            record = checker.check(clip)
            row |= {key: record[key] for key in ("decision", "reason", "probability")}
            what = f"{row['label']:5} {row['kind']:12} {_score(row)} {row['decision']:14}"
            print(what, row["path"], file=sys.stderr)
    if table:
        write_rows(table, [{name: row[name] for name in TOLD} for row in rows])
    how = ", re-encoded" if reencode else ""
    _print_figures(rows, f"{chosen.name} {chosen.record.version}, {frames} frames{how}")


def resized(image: Image) -> Image:
    """Longer side SIDE, both sides even."""
    scale = SIDE / max(image.shape[:2])
    height, width = (2 * round(side * scale / 2) for side in image.shape[:2])
    shape = (width, height)
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _score(row: Row) -> str:
    return "  -  " if row["probability"] is None else f"{row['probability']:.3f}"


def _print_figures(rows: list[Row], title: str) -> None:
    scored = [row for row in rows if row["probability"] is not None]
    print(f"{title}: {len(scored)} of {len(rows)} clips judged")
    reals = [row for row in scored if row["label"] == "real"]
    for name, kinds in KINDS.items():
        fakes = [row for row in scored if row["kind"] in kinds]
        if not fakes:
            continue
        low, high = _interval(reals, fakes)
        print(f"AUC, {name} ({len(fakes)}) against reals ({len(reals)}): "
              f"{_auc(reals, fakes):.3f} [{low:.3f}, {high:.3f}]")  # fmt: skip
        _print_decisions(name, fakes)
    _print_decisions("reals", reals)


def _print_decisions(name: str, rows: list[Row]) -> None:
    parts = (
        f"{decision} {percent(sum(row['decision'] == decision for row in rows) / len(rows))}"
        for decision in ("fake", "inconclusive", "real")
    )
    print(f"  {name} called: {', '.join(parts)}")


def _auc(reals: list[Row], fakes: list[Row]) -> float:
    labels = [0] * len(reals) + [1] * len(fakes)
    return float(roc_auc_score(labels, [row["probability"] for row in reals + fakes]))


def _interval(reals: list[Row], fakes: list[Row]) -> tuple[float, float]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in reals + fakes:
        groups[row["group"]].append(row)
    names, rng, found = sorted(groups), np.random.default_rng(SEED), []
    for _ in range(ROUNDS):
        drawn = [row for name in rng.choice(names, len(names)) for row in groups[name]]
        sides = [[row for row in drawn if row["label"] == label] for label in ("real", "fake")]
        if all(sides):
            found.append(_auc(*sides))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":  # the checker's spawned worker imports this file again
    main()

"""What the measurements over a labelled folder of clips share: its list, its copies, its table."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.pyav import open_video
from ddaemon.stages.media.video import Image

FPS = 25  # where a file does not say
SECONDS = 10.0

Row = dict[str, Any]


def read_rows(folder: Path) -> list[Row]:
    """The lines of `clips.csv`: path, label (real or fake), kind and group."""
    with (folder / "clips.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def rewrite_clip(clip: Path, out: Path, change: Callable[[Image], Image], crf: int) -> Path:
    """Every frame of a clip changed and encoded anew by H.264; sound is left out.

    Without macroblock trees: with them libx264 gives other bytes now and then.
    """
    with open_video(clip, max_pixels=1 << 26, max_seconds=3600) as source:
        duration, fps = source.facts.duration_s or SECONDS, source.facts.fps or FPS
        frames = source.sample(max(1, int(duration * fps)))
        pictures = (_even(change(frame.image)) for frame in frames)
        write_video(out, pictures, fps=round(fps), options={"crf": str(crf), "mbtree": "0"})
    return out


def write_rows(path: Path, rows: list[Row]) -> None:
    """A CSV with a line a row."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def _even(image: Image) -> Image:
    """Both sides even, as H.264 wants them."""
    height, width = (side - side % 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[:height, :width])

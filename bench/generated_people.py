"""Writes clips of people who do not exist, for `score_clips.py`.

    .venv/bin/pip download --no-deps --dest build random_face==2021.7.21.1
    .venv/bin/python bench/generated_people.py build/random_face-*.whl build/generated
    .venv/bin/python bench/score_clips.py ../shared/data/clips build/generated

The package (Apache-2.0) ships MobileStyleGAN (Belousov 2021, arXiv:2104.04767), which learned its
people from photographs; its networks are read from the file, nothing of its code runs. Every pixel
is generated: there is no seam in these pictures. A person moves by walking a little way through
the generator's styles, towards somebody else and back.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import click
import cv2
import numpy as np
import openvino
from labelled_clips import write_rows
from numpy.typing import NDArray

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image

SHA256 = "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5"
WIDTH = 512  # numbers of a style
SAMPLES = 4096  # whose mean is the middle of all styles
TRUNCATION = 0.7  # nearer to the middle: fewer broken pictures (Karras et al. 2019, section 4)
WALK = 0.15  # of the way towards somebody else
FRAMES, FPS, CRF = 32, 16, 18
SEED = 1

Style = NDArray[np.float32]  # (1, WIDTH)


@click.command()
@click.argument("wheel", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--people", default=40, show_default=True)
@click.option("--side", default=512, show_default=True, help="Pixels, of the square picture.")
def main(wheel: Path, folder: Path, people: int, side: int) -> None:
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        raise click.ClickException(f"{wheel} is not random_face 2021.7.21.1: download that one")
    mapping, synthesis = _networks(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (person, other) in enumerate(_styles(mapping, people)):
        name = f"person-{number:03}.mp4"
        pictures = _walk(synthesis, person, other, side)
        write_video(folder / name, pictures, fps=FPS, options={"crf": str(CRF), "mbtree": "0"})
        rows.append({"path": name, "label": "fake", "kind": "generated", "group": name})
    write_rows(folder / "clips.csv", rows)  # last: a folder without it is no labelled folder


def _networks(wheel: Path) -> list[openvino.CompiledModel]:
    """From a latent to a style, and from a style to a picture."""
    core, found = openvino.Core(), []
    with ZipFile(wheel) as packed:
        for name in ("Mapping", "Synthesis"):
            parts = [packed.read(f"random_face/data/{name}Network.{end}") for end in ("xml", "bin")]
            found.append(core.compile_model(core.read_model(*parts), "CPU"))
    return found


def _styles(mapping: openvino.CompiledModel, people: int) -> Iterator[tuple[Style, Style]]:
    """Of each person, and of the one that they move towards: two people each, none twice."""
    latents = np.random.default_rng(SEED).normal(size=(SAMPLES, 1, WIDTH)).astype(np.float32)
    styles = np.stack([mapping(latent)[0] for latent in latents])
    middle = styles.mean(axis=0)
    nearer = middle + TRUNCATION * (styles - middle)
    yield from zip(nearer[:people], nearer[people : 2 * people], strict=True)


def _walk(
    synthesis: openvino.CompiledModel, person: Style, other: Style, side: int
) -> Iterator[Image]:
    """The person's pictures, RGB, (side, side, 3)."""
    for number in range(FRAMES):
        way = WALK * np.sin(np.pi * number / FRAMES)
        picture = synthesis(person + np.float32(way) * (other - person))[0][0]  # (3, 1024, 1024)
        shown = np.clip((picture.transpose(1, 2, 0) + 1) * 127.5, 0, 255).astype(np.uint8)
        small = cv2.resize(shown, (side, side), interpolation=cv2.INTER_AREA)
        yield np.asarray(small, np.uint8)


if __name__ == "__main__":
    main()

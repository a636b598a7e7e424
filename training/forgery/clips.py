"""The two demo clips: the shipped portrait as a moving picture, real and forged.

python -m ddaemon.training.forgery.clips OUT
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.detection.facefinder import FaceFinder
from ...stages.detection.landmarks import LandmarkFinder
from ...stages.media.encode import write_video
from ...stages.media.video import Image
from ...stages.shipped import data_file
from ..array_types import Floats32
from .forge import forge_frames

SIDE = 512  # pixels
FPS = 25
FRAMES = 75
ZOOM = 1.5  # of the portrait, at the middle of the motion
CENTRE = (226.0, 188.0)  # what the camera looks at, in pixels of the portrait
PAN = 14.0  # pixels
SWING = 3.0  # degrees
BREATH = 0.06  # of the zoom
LIGHT = 0.05  # change of brightness
NOISE = 2.0  # standard deviation of the sensor's noise, in 255ths
SEED = 20220619
CRF = "23"


def main(folder: Path) -> None:
    """Write demo-real.mp4 and demo-forged.mp4 into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, forged in (("demo-real.mp4", False), ("demo-forged.mp4", True)):
        frames = demo_frames(FRAMES, forged=forged)
        options = {"crf": CRF, "preset": "veryslow"}
        write_video(folder / name, frames, fps=FPS, options=options)


def demo_frames(count: int, *, forged: bool, seed: int = SEED) -> Iterator[Image]:
    """`count` RGB frames (512, 512, 3) of the portrait under a hand-held camera.

    The forged ones show the same motion, light and noise; their face is a self-blended one.
    The same seed gives the same frames.
    """
    shots = list(_shots(read_portrait(), count))
    images: Iterator[Image] = (image for image, _ in shots)
    if forged:
        images = forge_frames(shots, np.random.default_rng(seed))
    return _filmed(images, np.random.default_rng(seed + 1), count)


def read_portrait() -> Image:
    """The shipped portrait, RGB (512, 512, 3)."""
    path = data_file("portrait.jpg")
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise OSError(f"could not read {path}")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def portrait_landmarks(portrait: Image) -> Floats32:
    """The landmarks (468, 2) of the portrait's face, in its pixels."""
    face = FaceFinder(SIDE, threads=1).find(portrait, 0.5)[0]
    box = (face.x, face.y, face.width, face.height)
    return LandmarkFinder(threads=1).find(portrait, box).points


def _shots(portrait: Image, count: int) -> Iterator[tuple[Image, Floats32]]:
    """Noiseless frames with the face's landmarks in each."""
    landmarks = portrait_landmarks(portrait)
    for number in range(count):
        camera = _camera(number / FPS)
        image = cv2.warpAffine(
            portrait, camera, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        points = landmarks @ camera[:, :2].T + camera[:, 2]
        yield np.asarray(image, np.uint8), points.astype(np.float32)


def _camera(t: float) -> NDArray[np.float64]:
    """The (2, 3) matrix from the portrait to the frame at `t` seconds: slow, smooth, aperiodic."""
    turn = SWING * np.sin(1.3 * t)
    zoom = ZOOM * (1 + BREATH * np.sin(0.9 * t + 1))
    matrix = np.asarray(cv2.getRotationMatrix2D(CENTRE, float(turn), float(zoom)), np.float64)
    pan = np.array([np.sin(1.7 * t), np.sin(2.3 * t + 2)]) * PAN
    matrix[:, 2] += SIDE / 2 - np.array(CENTRE) + pan
    return matrix


def _filmed(images: Iterator[Image], rng: np.random.Generator, count: int) -> Iterator[Image]:
    for number, image in zip(range(count), images, strict=True):
        light = 1 + LIGHT * np.sin(2.1 * number / FPS)
        noisy = light * image.astype(np.float32) + rng.normal(0, NOISE, image.shape)
        yield np.clip(np.round(noisy), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Clips to measure speed with: the shipped portrait filmed, in the sizes of phones."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image
from ddaemon.training.forgery.clips import demo_frames

FPS = 30
# As phones and platforms write: B-frames, a keyframe every few seconds.
OPTIONS = {"crf": "23", "preset": "medium", "g": "150"}


def talking_clip(
    path: Path, seconds: float = 10, size: tuple[int, int] = (1280, 720), seed: int = 1
) -> Path:
    """A face in the middle of a wide picture (width, height) with some grain around it."""
    frames = _wide(demo_frames(round(seconds * FPS), forged=False, seed=seed), size, seed)
    write_video(path, frames, fps=FPS, options=OPTIONS)
    return path


def _wide(frames: Iterator[Image], size: tuple[int, int], seed: int) -> Iterator[Image]:
    width, height = size
    grain = np.random.default_rng(seed).normal(110, 12, (height, width, 3))
    ground = cv2.GaussianBlur(np.clip(grain, 0, 255).astype(np.uint8), (0, 0), 2)
    left = (width - height) // 2
    for frame in frames:
        picture = ground.copy()
        picture[:, left : left + height] = cv2.resize(frame, (height, height))
        yield np.asarray(picture, np.uint8)

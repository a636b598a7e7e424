"""Clips made on the spot: frames that carry their number, and the shipped portrait in motion."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image
from ddaemon.training.forgery.clips import read_portrait

HEIGHT, WIDTH, BITS = 96, 128, 8
GREY = 128


def numbered_frame(number: int) -> Image:
    """A frame whose eight vertical blocks spell its number, the lowest bit on the left."""
    image = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    block = WIDTH // BITS
    for bit in range(BITS):
        image[16 : HEIGHT - 16, block * bit : block * (bit + 1)] = 255 * (number >> bit & 1)
    return image


def read_number(image: Image) -> int:
    """The number that `numbered_frame` wrote, read at any width."""
    height, width = image.shape[:2]
    middles = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return sum(1 << bit for bit, x in enumerate(middles) if image[height // 2, x].mean() > GREY)


def numbered_clip(path: Path, count: int = 200, **how: Any) -> Path:
    """A clip of `count` numbered frames; `how` goes to `write_video`."""
    write_video(path, (numbered_frame(number) for number in range(count)), **how)
    return path


def face_clip(path: Path, faces: int = 1, count: int = 12, turns: int = 0, **how: Any) -> Path:
    """The portrait drifting, `faces` times side by side; turned by `turns` quarters clockwise."""
    frames = (np.ascontiguousarray(np.rot90(f, -turns)) for f in _drifting(faces, count))
    write_video(path, frames, **how)
    return path


def blank_clip(path: Path, count: int = 12) -> Path:
    """Moving pictures of nobody."""
    write_video(path, (np.full((240, 320, 3), 40 + 5 * i, np.uint8) for i in range(count)))
    return path


def unlike(source: Path, target: Path, salt: int) -> Path:
    """The same video with another content: a `free` box behind the last one of the mp4."""
    payload = salt.to_bytes(8, "big")
    target.write_bytes(
        source.read_bytes() + (8 + len(payload)).to_bytes(4, "big") + b"free" + payload
    )
    return target


def _drifting(faces: int, count: int) -> Iterator[Image]:
    portrait = read_portrait()[:320, 60:380]
    for number in range(count):
        move = np.array([[1.0, 0, 6 * np.sin(number / 3)], [0, 1.0, 2 * np.cos(number / 3)]])
        shifted = cv2.warpAffine(portrait, move, (320, 320), borderMode=cv2.BORDER_REFLECT)
        yield np.hstack([shifted] * faces)

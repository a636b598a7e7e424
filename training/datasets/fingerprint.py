"""What is measured for each file: its content's SHA-256, its size, and a hash of its look.

The picture's hash is the difference hash of N. Krawetz ("Kind of Like That", 2013): each pixel of
a small grey thumbnail against its right neighbour. 16 x 16 comparisons give 256 bits.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...stages.media.video import ContainerFacts, Image
from ...stages.settings import FramesSettings
from ...storage.errors import NotAnalysable, Reason
from .media import decode_image, read_bytes, video_path
from .rows import IMAGE

SIDE = 16
HASH_BYTES = SIDE * SIDE // 8
LOOKED_AT = (0.25, 0.5, 0.75)  # of a video's length


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The measurements of one file. What could not be measured is 0 or empty."""

    sha256: str = ""
    bytes: int = 0
    width: int = 0  # of the picture, in pixels
    height: int = 0
    seconds: float = 0.0  # 0 for an image
    bits_per_pixel: float = 0.0  # of a frame
    looks: str = ""  # difference hashes, hexadecimal: one of an image, three of a video
    fault: str = ""  # why it can't be used, in words


def fingerprint(root: Path, path: str, kind: str) -> Fingerprint:
    """Measure one file. A fault of the file is part of the result."""
    try:
        return _of_image(root, path) if kind == IMAGE else _of_video(video_path(root, path))
    except OSError as error:
        return Fingerprint(fault=f"it can't be read: {error.strerror or error}")


def fingerprint_crashed(root: Path, path: str, why: str) -> Fingerprint:
    """For a file whose reading ended the process: only its content is hashed."""
    try:
        content = read_bytes(root, path)
    except OSError as error:
        return Fingerprint(fault=f"it can't be read: {error.strerror or error}")
    return Fingerprint(hashlib.sha256(content).hexdigest(), len(content), fault=why)


def difference_hash(image: Image) -> bytes:
    """256 bits of how an RGB image (height, width, 3) looks: is each pixel of its thumbnail
    darker than its right neighbour?"""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, :-1] < small[:, 1:]).tobytes()


def _of_image(root: Path, path: str) -> Fingerprint:
    encoded = read_bytes(root, path)
    sha256, size = hashlib.sha256(encoded).hexdigest(), len(encoded)
    try:
        image = decode_image(encoded)
    except NotAnalysable as error:
        return Fingerprint(sha256, size, fault=error.detail)
    height, width = image.shape[:2]
    looks = difference_hash(image).hex()
    return Fingerprint(sha256, size, width, height, 0.0, 8 * size / (width * height), looks)


def _of_video(file: Path) -> Fingerprint:
    with file.open("rb") as stream:
        sha256, size = hashlib.file_digest(stream, "sha256").hexdigest(), file.stat().st_size
    try:
        facts, looks = _look(file)
    except NotAnalysable as error:
        return Fingerprint(sha256, size, fault=error.detail)
    seconds = facts.duration_s or 0.0
    pixels = facts.width * facts.height * seconds * (facts.fps or 0.0)
    density = 8 * size / pixels if pixels else 0.0
    return Fingerprint(sha256, size, facts.width, facts.height, seconds, density, looks)


def _look(file: Path) -> tuple[ContainerFacts, str]:
    from ...stages.media.pyav import open_video

    limits = FramesSettings()
    with open_video(file, max_pixels=limits.max_pixels, max_seconds=limits.max_seconds) as video:
        length = video.facts.duration_s
        frames = (
            video.at([part * length for part in LOOKED_AT])
            if length
            else video.sample(len(LOOKED_AT))
        )
        looks = _three(difference_hash(frame.image).hex() for frame in frames)
    return video.facts, looks


def _three(hashes: Iterable[str]) -> str:
    """Three hashes: a video with fewer frames repeats its last."""
    found = list(hashes)
    if not found:
        raise NotAnalysable(Reason.UNDECODABLE, "No frame can be decoded.")
    return "".join([*found, *found[-1:] * len(LOOKED_AT)][: len(LOOKED_AT)])

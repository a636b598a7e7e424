"""Videos that were damaged on purpose. Each mutant has a number, from which alone it is made."""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image
from ddaemon.training.forgery.clips import read_portrait

SEED = 20261124
SIDE, FRAMES = 192, 8
# Endings and encoders (FFmpeg's names) of the sound videos that are damaged.
KINDS = (
    ("mp4", "libx264"), ("mp4", "mpeg4"), ("mkv", "libx264"), ("mkv", "mpeg4"),
    ("webm", "libvpx"), ("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("avi", "mjpeg"),
    ("mov", "libx264"), ("mov", "mjpeg"),
)  # fmt: skip
EXTREMES = (0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADER_BYTES = 4096  # damage to headers is tried more often than to pictures
EBML = ["1a45dfa3", "18538067", "1549a966", "1654ae6b", "1f43b675", "1c53bb6b", "a3", "ae"]
NAMES = {  # of boxes, chunks, and the first bytes of EBML elements
    "mp4": b"moov mdat trak mdia minf stbl stsd stts stsz stco mvhd mdhd tkhd".split(),
    "avi": b"LIST hdrl avih strl strh strf movi idx1 00dc".split(),
    "mkv": [bytes.fromhex(name) for name in EBML],
}
NAMES |= {"mov": NAMES["mp4"], "webm": NAMES["mkv"]}

Bytes = bytearray
Damage = Callable[[Bytes, random.Random, Sequence[bytes]], Bytes]


class Nursery:
    """Sound videos, kept in `folder`, and the mutants that are made of them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._sound: list[tuple[str, bytes]] = []
        for number, (ending, codec) in enumerate(KINDS):
            path = folder / f"sound-{number}.{ending}"
            pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            write_video(path, _frames(), codec=codec, pixel_format=pixels)
            self._sound.append((ending, path.read_bytes()))

    def mutant(self, number: int) -> Path:
        """The file of this number: damaged once or twice."""
        dice = random.Random(f"{SEED}-{number}")
        ending, sound = self._sound[number % len(self._sound)]
        data = Bytes(sound)
        deeds = [dice.choice(DAMAGES) for _ in range(dice.randint(1, 2))]
        for deed in deeds:
            data = deed(data, dice, NAMES[ending])
        if dice.random() < 0.1:
            data += dice.choice(self._sound)[1]
        path = self._folder / f"mutant-{number}.{ending}"
        path.write_bytes(data)
        return path


def flip(data: Bytes, dice: random.Random, _names: Sequence[bytes]) -> Bytes:
    """Single bits, in the header or anywhere."""
    end = min(len(data), HEADER_BYTES) if dice.random() < 0.5 else len(data)
    for _ in range(dice.choice((1, 4, 32, 256))):
        if end:
            data[dice.randrange(end)] ^= 1 << dice.randrange(8)
    return data


def cut(data: Bytes, dice: random.Random, _names: Sequence[bytes]) -> Bytes:
    """The end is missing."""
    return data[: dice.randrange(len(data) + 1)]


def blank(data: Bytes, dice: random.Random, _names: Sequence[bytes]) -> Bytes:
    """A run of zeros, as a file system leaves after a crash."""
    start = dice.randrange(len(data) + 1)
    length = min(dice.choice((16, 512, 4096)), len(data) - start)
    data[start : start + length] = bytes(length)
    return data


def stretch(data: Bytes, dice: random.Random, names: Sequence[bytes]) -> Bytes:
    """A length beside a name says something extreme."""
    value = dice.choice(EXTREMES)
    for place in _places(data, dice, names, 1):
        if names is NAMES["mp4"]:
            _write(data, place - 4, struct.pack(">I", value))
        elif names is NAMES["avi"]:
            _write(data, place + 4, struct.pack("<I", value))
        else:
            _write(data, place + 4, struct.pack(">Q", value)[dice.choice((0, 4)) :])
    return data


def scramble(data: Bytes, dice: random.Random, names: Sequence[bytes]) -> Bytes:
    """A field behind a name says something extreme."""
    for place in _places(data, dice, names, 1):
        _write(data, place + 4 + 4 * dice.randrange(12), struct.pack(">I", dice.choice(EXTREMES)))
    return data


def swap(data: Bytes, dice: random.Random, names: Sequence[bytes]) -> Bytes:
    """What lies between three names changes its order."""
    places = _places(data, dice, names, 3)
    if len(places) < 3:
        return data
    a, b, c = places
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def double(data: Bytes, dice: random.Random, names: Sequence[bytes]) -> Bytes:
    """What lies between two names is there twice, or not at all."""
    places = _places(data, dice, names, 2)
    if len(places) < 2:
        return data
    a, b = places
    return data[:b] + data[a:] if dice.random() < 0.5 else data[:a] + data[b:]


DAMAGES: tuple[Damage, ...] = (flip, flip, cut, blank, stretch, scramble, swap, double)


def _places(data: Bytes, dice: random.Random, names: Sequence[bytes], number: int) -> list[int]:
    """Where some of the names stand, ascending."""
    found = [place for name in names if (place := data.find(name)) >= 0]
    return sorted(dice.sample(sorted(set(found)), min(number, len(set(found)))))


def _write(data: Bytes, place: int, value: bytes) -> None:
    if 0 <= place <= len(data) - len(value):
        data[place : place + len(value)] = value


def _frames() -> Iterator[Image]:
    portrait = cv2.resize(read_portrait()[:320, 60:380], (SIDE, SIDE))
    for number in range(FRAMES):
        yield np.ascontiguousarray(np.roll(portrait, number, axis=1))

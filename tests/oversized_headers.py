"""Videos whose headers claim what is not there: a size, a number of frames."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ddaemon.tests.clips import face_clip

HUGE_SIDE = 100_000  # pixels
HUGE_COUNT = 1_000_000_000  # frames
MP4_SIDE = 0xFFFF  # an mp4 has 16 bits for a side
JPEG_SIDE = 65_500  # the most that a JPEG decoder takes


def huge_avi(path: Path) -> Path:
    """An AVI whose one stream claims 100,000 x 100,000 pixels."""
    _small_avi(path, "rawvideo")
    content = bytearray(path.read_bytes())
    # BITMAPINFOHEADER, behind `strf` and its length: its own length, width, height
    start = content.index(b"strf") + 8
    struct.pack_into("<ii", content, start + 4, HUGE_SIDE, HUGE_SIDE)
    path.write_bytes(content)
    return path


def huge_jpegs(path: Path) -> Path:
    """An AVI whose pictures, not only its header, claim 65,500 x 65,500 pixels."""
    _small_avi(path, "mjpeg")
    content = bytearray(path.read_bytes())
    start = content.find(b"\xff\xc0")
    while start >= 0:  # the frame's header: its length, bits a sample, then height and width
        struct.pack_into(">HH", content, start + 5, JPEG_SIDE, JPEG_SIDE)
        start = content.find(b"\xff\xc0", start + 2)
    path.write_bytes(content)
    return path


def endless_avi(path: Path) -> Path:
    """An AVI that claims a thousand million frames."""
    _small_avi(path, "mpeg4")
    content = bytearray(path.read_bytes())
    # avih: dwTotalFrames is the fifth number; strh: dwLength the ninth behind two names
    struct.pack_into("<I", content, content.index(b"avih") + 8 + 16, HUGE_COUNT)
    struct.pack_into("<I", content, content.index(b"strh") + 8 + 32, HUGE_COUNT)
    path.write_bytes(content)
    return path


def huge_mp4(path: Path) -> Path:
    """An mp4 whose sample entry and track claim the largest size there is room for."""
    face_clip(path)
    content = bytearray(path.read_bytes())
    # avc1: 6 bytes reserved, an index, 16 bytes reserved, then width and height
    struct.pack_into(">HH", content, content.index(b"avc1", content.index(b"stsd")) + 28, *_sides())
    tkhd = content.index(b"tkhd")
    struct.pack_into(">II", content, tkhd + 4 + 76, *(side << 16 for side in _sides()))
    path.write_bytes(content)
    return path


def endless_mp4(path: Path) -> Path:
    """An mp4 whose tables claim a thousand million samples of one byte each."""
    face_clip(path)
    content = bytearray(path.read_bytes())
    # stsz: version and flags, size of every sample, number of samples
    struct.pack_into(">II", content, content.index(b"stsz") + 8, 1, HUGE_COUNT)
    # stts: version and flags, entries, then count and length of the first
    struct.pack_into(">I", content, content.index(b"stts") + 12, HUGE_COUNT)
    path.write_bytes(content)
    return path


def huge_mkv(path: Path) -> Path:
    """A Matroska file that claims the largest size its two bytes a side have room for."""
    face_clip(path)
    content = bytearray(path.read_bytes())
    for element in (b"\xb0\x82", b"\xba\x82"):  # PixelWidth, PixelHeight, of two bytes
        struct.pack_into(">H", content, content.index(element) + 2, MP4_SIDE)
    path.write_bytes(content)
    return path


def all_oversized_headers(folder: Path) -> list[Path]:
    """One of each in `folder`, each of a content of its own, named by what made it."""
    return [
        _made(make, folder / f"{make.__name__}{suffix}", number)
        for number, (make, suffix) in enumerate(OVERSIZED.items())
    ]


def _made(make: Callable[[Path], Path], path: Path, number: int) -> Path:
    make(path).write_bytes(path.read_bytes() + bytes(number))
    return path


OVERSIZED = {
    huge_avi: ".avi",
    huge_jpegs: ".avi",
    endless_avi: ".avi",
    endless_mp4: ".mp4",
    huge_mp4: ".mp4",
    huge_mkv: ".mkv",
}


def _sides() -> tuple[int, int]:
    return MP4_SIDE, MP4_SIDE


def _small_avi(path: Path, codec: str) -> None:
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(12):
            image = np.full((48, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))

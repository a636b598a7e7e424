"""Videos of any size and length to measure with: the shipped portrait, moving a little."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image
from ddaemon.training.forgery.clips import read_portrait

FPS = 25
NOISE = 2.0  # standard deviation of the sensor's noise, in 255ths
OPTIONS = {"preset": "veryfast", "crf": "22", "g": "50"}  # a keyframe every two seconds


def write_clip(path: Path, width: int, height: int, seconds: float) -> Path:
    """One face in a landscape picture (height, width), H.264."""
    write_video(path, _frames(width, height, round(seconds * FPS)), fps=FPS, options=OPTIONS)
    return path


def repeat(source: Path, target: Path, times: int) -> Path:
    """The same pictures `times` over, one after the other: packets are copied, none is encoded."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.video[0]
        copied = writing.add_stream_from_template(stream)
        assert stream.time_base is not None
        length = round(stream.frames / Fraction(FPS) / stream.time_base)
        for number in range(times):
            reading.seek(0)
            for packet in reading.demux(stream):
                if packet.dts is None or packet.pts is None:  # the end
                    continue
                packet.dts += number * length
                packet.pts += number * length
                packet.stream = copied
                writing.mux(packet)
    return target


def _frames(width: int, height: int, count: int) -> Iterator[Image]:
    portrait = cv2.resize(read_portrait(), (height, height), interpolation=cv2.INTER_CUBIC)
    side = (width - height) // 2
    scene = cv2.copyMakeBorder(portrait, 0, 0, side, width - height - side, cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(1).normal(0, NOISE, (height + 64, width + 64, 1))
    for number in range(count):
        shift = [12 * np.sin(number / 11), 5 * np.cos(number / 17)]
        camera = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved = cv2.warpAffine(scene, camera, (width, height), borderMode=cv2.BORDER_REPLICATE)
        top, left = number * 7 % 64, number * 13 % 64
        grain = noise[top : top + height, left : left + width]
        yield np.clip(moved + grain, 0, 255).astype(np.uint8)
